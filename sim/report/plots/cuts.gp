# Where power was first cut in a sweep: crash states, and runs that failed.
if (!exists("picture")) picture = 'cuts.svg'
load 'style.gp'
set output picture
set title 'crash states by where power was cut'
set xlabel 'store to non-volatile memory'
set ylabel 'crash states, failures'
set yrange [0:*]
plot '../tables/cuts.csv' \
    using (column('from') - 0.5):(0):(column('from') - 0.5):(column('to') + 0.5):(0):(column('states')) \
    with boxxyerror lc rgb blue title 'distinct crash states', \
    '' using (column('from') - 0.5):(0):(column('from') - 0.5):(column('to') + 0.5):(0):(column('failures')) \
    with boxxyerror lc rgb red title 'failures'
