# Which requests the kernel reads and writes for, inside of recovery domains: the 20 largest.
if (!exists("picture")) picture = 'requests.svg'
load 'style.gp'
set output picture
set title 'inside of recovery domains, by request'
set xlabel "share of the kernel's reads and writes (%)"
set xrange [0:*]
set yrange [*:*] reverse
set lmargin 26
unset key
half = 50.0
name(kind, number, name) = short(name eq '' ? kind.' '.number : name)
plot '../tables/requests.csv' every ::0::19 \
    using (half * column('share')):0:(half * column('share')):(0.4): \
    ytic(name(stringcolumn('kind'), stringcolumn('number'), stringcolumn('name'))) \
    with boxxyerror lc rgb blue
