# What became of the faults of a campaign, with 95 % confidence intervals.
if (!exists("picture")) picture = 'outcomes.svg'
load 'style.gp'
set output picture
set title 'outcomes of faults'
set xlabel 'share of the faults (%)'
set xrange [0:100]
set yrange [*:*] reverse
set lmargin 26
unset key
plot '../tables/outcomes.csv' \
    using (50.0 * column('share')):0:(50.0 * column('share')):(0.4): \
    ytic(stringcolumn('outcome').', recovery '.stringcolumn('recovery')) \
    with boxxyerror lc rgb blue, \
    '' using (100.0 * column('share')):0:(100.0 * column('low')):(100.0 * column('high')) \
    with xerrorbars pt 0 lc rgb 'black'
