# What the simulator does for recovery, and what that would cost in software, by the cost model.
if (!exists("picture")) picture = 'overhead.svg'
load 'style.gp'
set output picture
set title 'cost of recovery in software (model)'
set xlabel 'cycles (millions)'
set xrange [0:*]
set yrange [*:*] reverse
unset key
plot '../tables/overhead.csv' \
    using (column('cycles') / 2e6):0:(column('cycles') / 2e6):(0.4):ytic(stringcolumn('event')) \
    with boxxyerror lc rgb blue
