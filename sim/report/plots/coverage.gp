# Reads and writes inside and outside of recovery domains, by workload: the 20 largest.
if (!exists("picture")) picture = 'coverage.svg'
load 'style.gp'
set output picture
set title 'reads and writes of the kernel, by workload'
set xlabel 'reads and writes (millions)'
set xrange [0:*]
set yrange [*:*] reverse
set lmargin 20
name(name) = name eq '' ? 'no name' : short(name)
inside(unused) = (column('inside_loads') + column('inside_stores')) / 1e6
outside(unused) = (column('outside_loads') + column('outside_stores')) / 1e6
plot '../tables/workloads.csv' every ::0::19 \
    using (inside(0) / 2):0:(inside(0) / 2):(0.4):ytic(name(stringcolumn('name'))) \
    with boxxyerror lc rgb blue title 'inside', \
    '' every ::0::19 using (inside(0) + outside(0) / 2):0:(outside(0) / 2):(0.4) \
    with boxxyerror lc rgb amber title 'outside'
