# Voltage of the supply, when power is on, and power cuts.
if (!exists("picture")) picture = 'voltage.svg'
load 'style.gp'
set output picture
set xlabel 'virtual time (s)'
set ylabel 'capacitor (V)'
set yrange [0:*]
set y2range [0:8]
from(unused) = column('start_ns') / 1e9
to(unused) = (column('start_ns') + column('on_ns')) / 1e9
is_cut(end) = end eq 'planned' || end eq 'brown-out'
cut(unused) = is_cut(stringcolumn('end')) ? to(0) : NaN
plot '../tables/lives.csv' using (from(0)):(0.5):(from(0)):(to(0)):(0):(1) axes x1y2 \
    with boxxyerror fs solid 0.25 noborder lc rgb green title 'power on', \
    '../tables/voltage.csv' using (column('time_ns') / 1e9):(column('volts')) \
    with lines lc rgb blue title 'voltage', \
    '../tables/lives.csv' using (cut(0)):(column('volts_to')) \
    with points pt 7 ps 0.4 lc rgb red title 'power cuts'
