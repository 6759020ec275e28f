# How often the lines of non-volatile memory were written: all ranges, lowest address first.
if (!exists("picture")) picture = 'wear.svg'
load 'style.gp'
set output picture
set title 'wear of non-volatile memory'
set xlabel 'part of the memory, by address'
set ylabel 'writes of a line'
set yrange [0:*]
plot '../tables/wear.csv' using 0:(column('max')) with boxes lc rgb amber title 'most in a part', \
    '' using 0:(column('mean')) with lines lw 2 lc rgb blue title 'mean of the part'
