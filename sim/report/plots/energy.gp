# What the energy went into.
if (!exists("picture")) picture = 'energy.svg'
load 'style.gp'
set output picture
set title 'energy by cause'
set xlabel 'energy (uJ)'
set xrange [0:*]
set yrange [*:*] reverse
unset key
plot '../tables/energy-causes.csv' \
    using (column('nj') / 2e3):0:(column('nj') / 2e3):(0.4):ytic(stringcolumn('cause')) \
    with boxxyerror lc rgb green
