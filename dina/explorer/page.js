"use strict";
// The page's behaviour: what is chosen stands in `chosen`; every panel draws itself from that and from the data.

const data = JSON.parse(document.getElementById("data").textContent);
const chosen = { latent: 0, image: 0, neuron: data.latents.length ? data.latents[0].neurons[0] : 0 };
const OURS = "#0072B2", OTHER = "#D55E00", QUIET = "#767676", FOUND = "#E69F00";
const FONT = { family: "system-ui, Segoe UI, Helvetica, Arial, sans-serif", size: 12, color: "#1c2733" };
const MARGIN = { l: 48, r: 10, t: 8, b: 42 };
const CONFIG = { displayModeBar: false, responsive: true };
const MAGMA = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]]; // even steps from 0 to 1
const SIGNED = [[0, "#2166ac"], [0.5, "#f7f7f7"], [1, "#b2182b"]];
const MOST_BARS = 15;
const GAP_PX = 12; // between imaging planes that stand beside each other

const unpack = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const rows = (bytes, width) => Array.from({ length: bytes.length / width }, (_, row) => Array.from(bytes.subarray(row * width, (row + 1) * width), (value) => value / 255));
const number = (value, digits = 2) => (value === null ? "unknown" : value.toFixed(digits).replace("-", "−"));
const roi = (neuron) => `plane ${data.neurons.plane[neuron]}, ROI ${data.neurons.roi[neuron]}`;
const percent = (value) => (value === null ? "unknown" : `${number(100 * value, 1)} %`);

/** The colour of a share from 0 to 1. */
function colour(share) {
  const at = Math.min(share, 1) * (MAGMA.length - 1), below = Math.min(Math.floor(at), MAGMA.length - 2);
  return MAGMA[below].map((value, part) => Math.round(value + (at - below) * (MAGMA[below + 1][part] - value)));
}

const SCALE = MAGMA.map((rgb, step) => [step / (MAGMA.length - 1), `rgb(${rgb.join()})`]);

/** A map of 0 to 1 as a picture. */
function thumbnail(bytes, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height);
  bytes.forEach((value, index) => picture.data.set([...colour(value / 255), 255], 4 * index));
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

function strip(id, items, face, choose, isWrong = () => false) {
  const place = document.getElementById(id);
  items.forEach((item, index) => {
    const button = document.createElement("button");
    button.append(face(item));
    button.title = button.ariaLabel = `${id === "latents" ? "latent" : "test image"} ${index + 1}`;
    button.classList.toggle("wrong", isWrong(item));
    button.addEventListener("click", () => choose(index));
    place.append(button);
  });
}

function press(id, index) {
  [...document.getElementById(id).children].forEach((button, at) => button.setAttribute("aria-pressed", at === index));
}

/** Left edge of every imaging plane, as they stand beside each other. */
const edges = data.planes.reduce((found, plane) => [...found, found.at(-1) + plane.width_px + GAP_PX], [0]);
const placeOf = Object.fromEntries(data.planes.map((plane, index) => [plane.plane, index]));
const across = (neuron) => data.neurons.x_px[neuron] + edges[placeOf[data.neurons.plane[neuron]]];

/** Neurons over the mean images of the imaging planes; area is the magnitude of a part, colour its sign. */
function drawPlane(id, neurons, parts) {
  const largest = Math.max(...parts.map(Math.abs), 1e-9);
  const height = Math.max(...data.planes.map((plane) => plane.height_px));
  const traces = [{
    type: "scatter", mode: "markers", customdata: neurons,
    x: neurons.map(across), y: neurons.map((neuron) => data.neurons.y_px[neuron]),
    text: neurons.map((neuron, at) => `neuron ${neuron} (${roi(neuron)})<br>part ${percent(parts[at])}<br>reliability ${number(data.neurons.reliability[neuron])}`),
    hoverinfo: "text",
    marker: { size: parts.map((part) => 4 + 18 * Math.sqrt(Math.abs(part) / largest)), color: parts.map((part) => (part < 0 ? OTHER : OURS)), opacity: 0.8, line: { color: neurons.map((neuron) => (neuron === chosen.neuron ? FOUND : "white")), width: neurons.map((neuron) => (neuron === chosen.neuron ? 3 : 1)) } },
  }];
  const layout = {
    font: FONT, margin: { l: 4, r: 4, t: 4, b: 4 }, showlegend: false, hovermode: "closest",
    xaxis: { range: [0, edges.at(-1) - GAP_PX], visible: false, constrain: "domain" },
    yaxis: { range: [height, 0], visible: false, scaleanchor: "x", constrain: "domain" },
    images: data.planes.map((plane, index) => ({ source: plane.png, xref: "x", yref: "y", x: edges[index], y: 0, sizex: plane.width_px, sizey: plane.height_px, sizing: "stretch", layer: "below" })),
  };
  Plotly.react(id, traces, layout, CONFIG).then(listen);
}

/** Bars of the largest parts, each a neuron. */
function drawParts(id, neurons, parts, title) {
  const some = neurons.slice(0, MOST_BARS), of = parts.slice(0, MOST_BARS);
  const traces = [{
    type: "bar", orientation: "h", customdata: some, x: of.map((part) => 100 * part), y: some.map((neuron) => `${neuron} `),
    marker: { color: of.map((part) => (part < 0 ? OTHER : OURS)), line: { color: FOUND, width: some.map((neuron) => (neuron === chosen.neuron ? 3 : 0)) } },
    hovertemplate: "neuron %{y}: %{x:.1f} %<extra></extra>",
  }];
  const layout = { font: FONT, margin: MARGIN, xaxis: { title: { text: title }, zerolinecolor: QUIET }, yaxis: { type: "category", autorange: "reversed", automargin: true, title: { text: "neuron" }, ticks: "" } };
  Plotly.react(id, traces, layout, CONFIG).then(listen);
}

/** A click on a neuron, in whatever plot, chooses it. */
function listen(plot) {
  if (plot.dataset.listens) return;
  plot.dataset.listens = "yes";
  plot.on("plotly_click", (event) => chooseNeuron(event.points[0].customdata));
}

/** Axes of the visual field: degrees from the image's centre, or pixels where the width in degrees is unknown. */
const field = data.field;
const perPixel = field.degrees_per_pixel ?? 1;
const unit = field.degrees_per_pixel === null ? "px" : "deg";
const halfWidth = (field.width_px / 2) * perPixel, halfHeight = (field.height_px / 2) * perPixel;
const spaced = (n, half) => Array.from({ length: n }, (_, at) => ((at + 0.5) / n - 0.5) * 2 * half);
const visualField = (extra = {}) => ({
  font: FONT, margin: MARGIN, showlegend: false,
  xaxis: { title: { text: `to the right (${unit})` }, range: [-halfWidth, halfWidth], constrain: "domain", zeroline: false },
  yaxis: { title: { text: `down (${unit})` }, range: [halfHeight, -halfHeight], scaleanchor: "x", constrain: "domain", zeroline: false },
  ...extra,
});

function drawRegions(latent) {
  const strongest = latent.neurons.slice(0, MOST_BARS);
  const traces = [
    { type: "heatmap", z: rows(unpack(latent.saliency), field.width_px), x: spaced(field.width_px, halfWidth), y: spaced(field.height_px, halfHeight), colorscale: SCALE, showscale: false, hovertemplate: "%{x:.1f}, %{y:.1f}: %{z:.2f} of the strongest<extra></extra>" },
    { type: "scatter", mode: "markers", customdata: strongest, x: strongest.map((neuron) => scaled(data.neurons.centre_x_px[neuron])), y: strongest.map((neuron) => scaled(data.neurons.centre_y_px[neuron])), text: strongest.map((neuron) => `neuron ${neuron} looks here`), hoverinfo: "text", marker: { symbol: "circle-open", size: 11, color: strongest.map((neuron) => (neuron === chosen.neuron ? FOUND : "white")), line: { width: 2 } } },
  ];
  Plotly.react("regions", traces, visualField(), CONFIG).then(listen);
}

const scaled = (px) => (px === null ? null : px * perPixel);

function drawField(neuron) {
  const positions = field.positions;
  const map = rows(unpack(data.neurons.field[neuron]), positions);
  const traces = [
    { type: "heatmap", z: map, x: spaced(positions, halfWidth), y: spaced(positions, halfHeight), colorscale: SCALE, showscale: false, hovertemplate: "%{x:.1f}, %{y:.1f}: %{z:.2f} of the strongest<extra></extra>" },
    { type: "scatter", mode: "markers", x: [scaled(data.neurons.centre_x_px[neuron])], y: [scaled(data.neurons.centre_y_px[neuron])], hoverinfo: "skip", marker: { symbol: "cross-thin", size: 16, line: { color: "white", width: 2 } } },
  ];
  document.getElementById("field-title").textContent = `Receptive field of neuron ${neuron} (${roi(neuron)}): reliability ${number(data.neurons.reliability[neuron])}, ${percent(data.neurons.match[neuron])} of the match`;
  Plotly.react("field", traces, visualField(), CONFIG);
}

/** Interactions of every two of a latent's most important neurons; a dot marks those beyond additive surrogates. */
function drawPairs(latent) {
  const axis = { type: "category", title: { text: "neuron" }, automargin: true, tickfont: { size: 10 } };
  const layout = { font: FONT, margin: MARGIN, xaxis: axis, yaxis: { ...axis, autorange: "reversed" } };
  const pairs = latent.pairs;
  if (pairs === null) {
    const text = "not tested: of the latents on which the towers<br>agree best, the first few are";
    Plotly.react("pairs", [], { font: FONT, margin: MARGIN, xaxis: { visible: false }, yaxis: { visible: false }, annotations: [{ text, showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 }] }, CONFIG);
    return;
  }
  const neurons = [...new Set([...pairs.first, ...pairs.second])].sort((one, other) => one - other);
  const at = Object.fromEntries(neurons.map((neuron, place) => [neuron, place]));
  const blank = () => neurons.map(() => neurons.map(() => null));
  const strength = blank(), told = blank();
  pairs.first.forEach((first, pair) => {
    const text = `neurons ${first} and ${pairs.second[pair]}<br>interaction ${pairs.strength[pair]} (q = ${number(pairs.q[pair])})<br>signal correlation ${number(pairs.signal_correlation[pair])}<br>noise correlation ${number(pairs.noise_correlation[pair])}`;
    [[first, pairs.second[pair]], [pairs.second[pair], first]].forEach(([row, column]) => {
      strength[at[row]][at[column]] = pairs.strength[pair];
      told[at[row]][at[column]] = text;
    });
  });
  const limit = Math.max(...pairs.strength.map(Math.abs), 1e-9);
  const found = pairs.first.flatMap((first, pair) => (pairs.significant[pair] ? [[first, pairs.second[pair]], [pairs.second[pair], first]] : []));
  const names = neurons.map((neuron) => `${neuron} `);
  const traces = [
    { type: "heatmap", z: strength, x: names, y: names, text: told, hoverinfo: "text", colorscale: SIGNED, zmin: -limit, zmax: limit, colorbar: { thickness: 10, exponentformat: "power", title: { text: "beyond surrogates", side: "right" } } },
    { type: "scatter", mode: "markers", x: found.map(([, column]) => `${column} `), y: found.map(([row]) => `${row} `), hoverinfo: "skip", showlegend: false, marker: { color: "#222222", size: 6 } },
  ];
  Plotly.react("pairs", traces, layout, CONFIG);
}

function drawLatent() {
  if (data.latents.length === 0) {
    document.getElementById("about-latent").textContent = "There is no latent value on which the towers agree.";
    return;
  }
  const latent = data.latents[chosen.latent];
  press("latents", chosen.latent);
  document.getElementById("about-latent").textContent = `Latent ${chosen.latent + 1} of ${data.latents.length}: channel ${latent.channel}, row ${latent.row}, column ${latent.column} of the map; the towers agree on it with r = ${number(latent.agreement)} (validation images). ${rebuilt(latent)}`;
  drawRegions(latent);
  drawPlane("plane", latent.neurons, latent.shares);
  drawParts("parts", latent.neurons, latent.shares, "share of the latent (%)");
  drawField(chosen.neuron);
  drawPairs(latent);
}

/** How few neurons the latent can be rebuilt from. */
function rebuilt(latent) {
  const n = latent.members.length;
  if (n === 0) return "No few neurons rebuild it.";
  return `${n} neuron${n === 1 ? "" : "s"} rebuild${n === 1 ? "s" : ""} it with R² = ${number(latent.r2_members)} (all together ${number(latent.r2_all)}): ${latent.members.join(", ")}.`;
}

function picture(source, caption, isShown) {
  const figure = document.createElement("figure"), image = document.createElement("img"), text = document.createElement("figcaption");
  figure.classList.toggle("shown", isShown);
  image.src = source;
  image.alt = text.textContent = caption;
  figure.append(image, text);
  return figure;
}

function drawImage() {
  const image = data.images[chosen.image];
  press("images", chosen.image);
  document.getElementById("about-image").textContent = image.rank === 0
    ? `Identified: of all test images the response matches the shown one best.`
    : `Taken for another: ${image.rank} other test image${image.rank === 1 ? " matches" : "s match"} the response better than the shown one.`;
  const gap = document.createElement("div");
  gap.className = "gap";
  document.getElementById("pictures").replaceChildren(
    picture(data.pictures[image.image], "shown", true),
    picture(image.reconstruction, "reconstructed from the response", false),
    gap,
    ...image.candidates.map((candidate, at) => picture(data.pictures[candidate], `match ${number(image.similarity[at])}${candidate === image.image ? ", the shown one" : ""}`, candidate === image.image)),
  );
  drawParts("deciding", image.neurons, image.parts, "for the shown image (right), for its rival (left), %");
  drawPlane("deciding-plane", image.neurons, image.parts);
}

function chooseLatent(index) {
  chosen.latent = index;
  chosen.neuron = data.latents[index].neurons[0];
  drawLatent();
}

function chooseImage(index) {
  chosen.image = index;
  drawImage();
}

function chooseNeuron(neuron) {
  if (neuron === undefined) return;
  chosen.neuron = neuron;
  drawLatent();
  drawImage();
}

strip("latents", data.latents, (latent) => thumbnail(unpack(latent.saliency), field.width_px, field.height_px), chooseLatent);
strip("images", data.images, (image) => Object.assign(new Image(), { src: data.pictures[image.image], alt: "" }), chooseImage, (image) => image.rank > 0);
drawLatent();
drawImage();
document.body.dataset.ready = "yes";
