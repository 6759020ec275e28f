# Voltage of the supply, when power is on, and power cuts.
if (!exists("picture")) picture = 'voltage.svg'
load 'style.gp'
set output picture
lives = '../tables/lives.csv'
voltage = '../tables/voltage.csv'

# The voltages at which power comes and goes; reports without them have no such lines.
on = 0
off = 0
note(name, value) = name eq 'power.thresholds.on' ? (on = value) : \
    name eq 'power.thresholds.off' ? (off = value) : value
stats '../tables/totals.csv' using (note(stringcolumn('name'), column('value'))) nooutput

# What is shown: all of the voltage and both lines, with a margin.
stats voltage using (column('time_ns') / 1e9):(column('volts')) name 'data' nooutput
least(a, b) = b > 0 && b < a ? b : a
most(a, b) = b > a ? b : a
low = least(data_min_y, off)
high = most(data_max_y, on)
margin = high > low ? 0.1 * (high - low) : 0.1
set xrange [0:data_max_x > 0 ? data_max_x : 1]
from(unused) = column('start_ns') / 1e9
to(unused) = (column('start_ns') + column('on_ns')) / 1e9
is_cut(end) = end eq 'planned' || end eq 'brown-out'
cut(unused) = is_cut(stringcolumn('end')) ? to(0) : NaN

set multiplot
set rmargin 3
set tmargin at screen 0.9
set bmargin at screen 0.3
set yrange [low - margin:high + margin]
set ylabel 'capacitor (V)'
set format x ''
line(volts, word) = sprintf('%s at %.3g V', word, volts)
if (on > 0) {
    set arrow 1 from graph 0, first on to graph 1, first on nohead dt 2 lc rgb green
    set label 1 line(on, 'on') at graph 1, first on right offset -0.5, 0.5 tc rgb green front
}
if (off > 0) {
    set arrow 2 from graph 0, first off to graph 1, first off nohead dt 2 lc rgb amber
    set label 2 line(off, 'off') at graph 1, first off right offset -0.5, -0.6 tc rgb amber front
}
plot voltage using (column('time_ns') / 1e9):(column('volts')) \
    with lines lc rgb blue title 'voltage', \
    lives using (cut(0)):(column('volts_to')) \
    with points pt 7 ps 0.4 lc rgb red title 'power cuts', \
    NaN with boxes fs solid 0.5 noborder lc rgb green title 'power on'

# Below, when power is on.
unset arrow
unset label
unset key
set tmargin at screen 0.26
set bmargin at screen 0.18
set yrange [0:1]
unset ytics
set grid noytics
set ylabel 'power' rotate by 0 right offset -1, 0
set xlabel 'virtual time (s)'
set format x '%g'
plot lives using (from(0)):(0.5):(from(0)):(to(0)):(0):(1) \
    with boxxyerror fs solid 0.5 noborder lc rgb green
unset multiplot
