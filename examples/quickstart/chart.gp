# gnuplot: backlog and capacity over time. Called with csv, out and title set.
set terminal svg size 960,540 dynamic font "sans,13" background rgb "white"
set output out
set datafile separator ","
set datafile missing ""
set title title
set multiplot
set lmargin 9
set rmargin 4
set grid ytics lc rgb "#dddddd"
set key top right horizontal
set xrange [0:*]
set yrange [0:*]
set origin 0,0.5
set size 1,0.5
set format x ""
set ylabel "jobs"
plot csv every ::1 using 3:($4+$5) with filledcurves x1 fc rgb "#9ecae1" title "backlog", \
     csv every ::1 using 3:5 with steps lw 2 lc rgb "#08519c" title "in flight"
unset title
set origin 0,0
set size 1,0.5
set format x "%g"
set xlabel "seconds"
set ylabel "instances"
plot csv every ::1 using 3:8 with steps lw 6 lc rgb "#a1d99b" title "in service", \
     csv every ::1 using 3:7 with steps lw 2 lc rgb "#d94801" title "wanted", \
     csv every ::1 using 3:10 with steps lw 2 dt 3 lc rgb "#756bb1" title "busy"
unset multiplot
