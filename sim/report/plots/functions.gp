# What the energy went into: the 20 functions that took most.
if (!exists("picture")) picture = 'functions.svg'
load 'style.gp'
set output picture
set title 'energy by function'
set xlabel 'energy (uJ)'
set xrange [0:*]
set yrange [*:*] reverse
set lmargin 26
unset key
plot '../tables/energy-functions.csv' every ::0::19 \
    using (column('nj') / 2e3):0:(column('nj') / 2e3):(0.4):ytic(short(stringcolumn('name'))) \
    with boxxyerror lc rgb green
