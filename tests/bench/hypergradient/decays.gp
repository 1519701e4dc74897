# gnuplot -e "folder='CURVES'" decays.gp > decays.svg, with the folder that
# `assay_hypergradient_bench decays /usr/share/datasets CURVES` filled.
set terminal svg size 640,360 font "sans,12"
set title "50 training and 50 validation images of Fashion-MNIST"
set xlabel "hypersteps"
set ylabel "accuracy on the validation images"
set logscale x
set xrange [1:200]
set yrange [0.5:1.02]
set key bottom right
set grid
plot folder."/decays-1-each.dat" using ($1+1):2 with linespoints pt 7 ps 0.4 lw 2 title "linear, 7,850 decays", \
     folder."/decays-2-each.dat" using ($1+1):2 with linespoints pt 7 ps 0.4 lw 2 title "MLP 64, 50,890 decays", \
     folder."/decays-1-all.dat" using ($1+1):2 with lines lw 2 dt 2 title "linear, one for all", \
     folder."/decays-2-all.dat" using ($1+1):2 with lines lw 2 dt 2 title "MLP 64, one for all"
