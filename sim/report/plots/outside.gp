# Why the kernel's other reads and writes are outside of recovery domains.
if (!exists("picture")) picture = 'outside.svg'
load 'style.gp'
set output picture
set title 'outside of recovery domains, by reason'
set xlabel "share of the kernel's reads and writes (%)"
set xrange [0:*]
set yrange [*:*] reverse
unset key
half = 50.0
plot '../tables/outside.csv' \
    using (half * column('share')):0:(half * column('share')):(0.4):ytic(stringcolumn('reason')) \
    with boxxyerror lc rgb amber
