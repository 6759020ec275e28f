# Failures over virtual time, and how many of them were refused.
if (!exists("picture")) picture = 'failures.svg'
load 'style.gp'
set output picture
set title 'failures'
set xlabel 'virtual time (s)'
set ylabel 'failures so far'
set xrange [0:*]
set yrange [0:*]
seconds(unused) = column('time_ns') / 1e9
is_refused(unused) = stringcolumn('outcome') eq 'refused'
plot '../tables/failures.csv' using (seconds(0)):(1) smooth cumulative \
    with linespoints pt 7 ps 0.4 lw 2 lc rgb blue title 'all', \
    '' using (seconds(0)):(is_refused(0)) smooth cumulative \
    with linespoints pt 7 ps 0.4 lw 2 lc rgb red title 'refused'
