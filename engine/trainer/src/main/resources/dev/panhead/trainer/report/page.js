
(() => {
  'use strict';
  const data = JSON.parse(document.getElementById('curves').textContent);
  const root = document.documentElement;
  const colours = {training: 1, 'held out': 2, 'held out, whole': 3};
  const number = new Intl.NumberFormat('en', {maximumSignificantDigits: 4});
  const exact = new Intl.NumberFormat('en', {maximumSignificantDigits: 12});
  const fixed = new Intl.NumberFormat('en', {minimumSignificantDigits: 4, maximumSignificantDigits: 4});
  const whole = new Intl.NumberFormat('en', {maximumFractionDigits: 0});
  const PAPER = {whole: [680, 320], half: [324, 210]}; // CSS pixels that fit between the margins of a sheet
  const SCALES = {
    fitting: {},
    from_zero: {range: {min: {pad: 0.1, soft: 0, mode: 1}, max: {pad: 0.1, soft: 0, mode: 2}}},
    logarithmic: {distr: 3},
  };
  let axis = 'steps';
  let plots = [];

  const colour = name => getComputedStyle(root).getPropertyValue('--' + name).trim();
  const colourOf = curve => 'curve-' + (colours[curve.label] || 1);

  const format = (value, aligned) => {
    const size = Math.abs(value);
    if (value !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(2).replace('e+', 'e');
    return size >= 1000 ? whole.format(value) : (aligned ? fixed : number).format(value);
  };

  /** Labels of an axis, all written in one way, with as many digits as it takes to tell them apart. */
  const ticks = values => {
    const most = Math.max(...values.map(value => Math.abs(value)));
    const write = value => {
      if (value === null) return '';
      if (value === 0) return '0';
      if (most < 1e-3 || most >= 1e9) return (+value.toPrecision(6)).toExponential().replace('e+', 'e');
      if (most >= 1e6) return number.format(value / 1e6) + 'M';
      return most >= 1e4 ? number.format(value / 1e3) + 'k' : number.format(value);
    };
    const labels = values.map(write);
    const shown = labels.filter(label => label !== '');
    return new Set(shown).size === shown.length ? labels : values.map(value => value === null ? '' : exact.format(value));
  };

  const powerOfTen = value => Math.abs(Math.log10(value) % 1) < 1e-9 ? value : null;

  /** The unit in which the time axis has readable numbers. */
  const unit = (() => {
    let most = 0;
    if (data.timed) for (const chart of data.charts) for (const curve of chart.curves) {
      most = Math.max(most, curve.seconds[curve.seconds.length - 1]);
    }
    if (most > 3 * 86400) return {name: 'days', seconds: 86400};
    if (most > 3 * 3600) return {name: 'hours', seconds: 3600};
    return most > 300 ? {name: 'minutes', seconds: 60} : {name: 'seconds', seconds: 1};
  })();

  const along = curve => axis === 'steps' ? curve.steps : curve.seconds.map(seconds => seconds / unit.seconds);

  /** One column of places, and one column for each curve, undefined where a curve has no point. */
  const columns = chart => chart.curves.length === 1
    ? [along(chart.curves[0]), chart.curves[0].values]
    : uPlot.join(chart.curves.map(curve => [along(curve), curve.values]));

  /** Writes each curve's figure at a place, or else its last one, beside the chart's title. */
  const read = (chart, columns, index, readout) => {
    const keys = [];
    const at = index === null || index === undefined ? columns[0].length - 1 : index;
    if (index !== null && index !== undefined) {
      const place = document.createElement('span');
      place.textContent = axis === 'steps'
        ? 'step ' + whole.format(columns[0][at]) : number.format(columns[0][at]) + ' ' + unit.name;
      keys.push(place);
    }
    chart.curves.forEach((curve, i) => {
      let last = at;
      while (last > 0 && (columns[i + 1][last] === undefined || columns[i + 1][last] === null)) last--;
      const key = document.createElement('span');
      key.className = 'key ' + colourOf(curve);
      if (chart.curves.length > 1) key.append(curve.label + ' ');
      const value = document.createElement('b');
      const figure = columns[i + 1][last];
      value.textContent = figure === undefined || figure === null ? '–' : format(figure, chart.curves.length > 1);
      key.append(value);
      keys.push(key);
    });
    readout.replaceChildren(...keys);
  };

  const markResumes = plot => {
    if (axis !== 'steps') return;
    const {ctx, bbox} = plot;
    ctx.save();
    ctx.strokeStyle = colour('muted');
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const step of data.resumes) {
      const x = Math.round(plot.valToPos(step, 'x', true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  };

  /** Width and height of a chart. On the way to paper, the page is still laid out for the screen. */
  const size = place => {
    if (!root.classList.contains('paper')) return [place.clientWidth, place.clientHeight];
    const spans = getComputedStyle(place.parentElement).gridColumnEnd === '-1';
    return [spans ? PAPER.whole[0] : PAPER.half[0], place.parentElement.classList.contains('wide') ? PAPER.whole[1] : PAPER.half[1]];
  };

  const draw = chart => {
    const figure = document.getElementById(chart.id);
    const place = figure.querySelector('.plot');
    const readout = figure.querySelector('.readout');
    const table = columns(chart);
    const [width, height] = size(place);
    const font = '12px system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
    const lines = {stroke: colour('line'), width: 1};
    const style = {stroke: colour('muted'), font, labelFont: font, grid: lines, ticks: {show: false}};
    const plot = new uPlot({
      width,
      height,
      padding: [10, 18, 0, 0],
      legend: {show: false},
      cursor: {sync: {key: 'panhead', scales: ['x', null]}, y: false, points: {size: 8}},
      scales: {x: {time: false}, y: SCALES[chart.axis]},
      series: [{}].concat(chart.curves.map(curve => ({
        stroke: colour(colourOf(curve)),
        width: 1.75,
        pxAlign: 0,
        points: {show: curve.values.length <= 40, size: 6, fill: colour(colourOf(curve))},
      }))),
      axes: [
        {...style, grid: {show: false}, values: (_, splits) => ticks(splits), size: 28, space: 60,
          label: axis === 'steps' ? 'step' : unit.name, labelSize: 18},
        {...style, values: (_, splits) => ticks(splits), space: 34,
          grid: {...lines, filter: (_, splits) => chart.axis === 'logarithmic' ? splits.map(powerOfTen) : splits},
          size: (_, values) => 14 + 7 * Math.max(1, ...(values || []).map(value => value.length))},
      ],
      hooks: {
        draw: [markResumes],
        setCursor: [plot => read(chart, table, plot.cursor.idx, readout)],
      },
    }, table, place);
    read(chart, table, null, readout);
    return plot;
  };

  const drawAll = () => {
    plots.forEach(plot => plot.destroy());
    plots = data.charts.map(draw);
  };

  const fit = () => data.charts.forEach((chart, i) => {
    const place = document.getElementById(chart.id).querySelector('.plot');
    if (place.clientWidth !== plots[i].width || place.clientHeight !== plots[i].height) {
      plots[i].setSize({width: place.clientWidth, height: place.clientHeight});
    }
  });

  drawAll();
  if (data.timed && data.charts.length > 0) {
    const choice = document.querySelector('fieldset');
    choice.hidden = false;
    choice.addEventListener('change', event => {
      axis = event.target.value;
      drawAll();
    });
  }
  const resized = new ResizeObserver(fit);
  document.querySelectorAll('.plot').forEach(place => resized.observe(place));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  addEventListener('beforeprint', () => {
    root.classList.add('paper');
    drawAll();
  });
  addEventListener('afterprint', () => {
    root.classList.remove('paper');
    drawAll();
  });
})();
