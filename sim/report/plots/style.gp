# The look of all pictures of this folder; change it here and run the scripts again.
set encoding utf8
if (strlen(picture) > 4 && picture[strlen(picture) - 3:] eq '.png') {
    set terminal png size 1000,420
} else {
    set terminal svg size 1000,420 dynamic noenhanced font 'sans-serif,13' background rgb 'white'
}
set datafile separator comma
set datafile columnheaders
set style fill solid 0.8 noborder
set border 3
set tics nomirror
set grid xtics ytics lc rgb '#d0d0d0'
set key outside top horizontal
set lmargin 14
blue = '#20508a'
green = '#2a7f3f'
red = '#b02020'
amber = '#b07a20'
short(text) = strlen(text) > 32 ? text[1:31].'…' : text
