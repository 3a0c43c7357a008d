# gnuplot: backlog and capacity over time. Called with csv, out and title set.
set terminal svg size 960,560 dynamic font "sans,13" background rgb "white"
set output out
set datafile separator ","
set datafile missing ""
set multiplot title title
set lmargin 9
set rmargin 4
set grid ytics lc rgb "#dddddd"
set key outside top right horizontal samplen 2
set xrange [0:*]
set style fill solid 0.6 noborder

set origin 0,0.47
set size 1,0.47
set format x ""
set ylabel "jobs"
set yrange [0:*]
plot csv every ::1 using 3:($4+$5) with fillsteps fc rgb "#9ecae1" title "backlog", \
     csv every ::1 using 3:5 with steps lw 2 lc rgb "#08519c" title "in flight"

stats csv every ::1 using 8 nooutput
set origin 0,0
set size 1,0.47
set format x "%g"
set xlabel "seconds"
set ylabel "instances"
set ytics 1
set yrange [0:STATS_max+0.5]
plot csv every ::1 using 3:8 with fillsteps fc rgb "#a1d99b" title "in service", \
     csv every ::1 using 3:7 with steps lw 2 lc rgb "#d94801" title "wanted", \
     csv every ::1 using 3:10 with steps lw 2 dt 3 lc rgb "#54278f" title "busy"
unset multiplot
