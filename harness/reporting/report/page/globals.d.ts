/** Chart.js as its script defines it. */
declare const Chart: typeof import('chart.js').Chart;
