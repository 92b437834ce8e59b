// 3-D viewer of stored states on a plain canvas: spheres are sprites, drawn from far to near.  Data: lrmkmc/viewer.py.
"use strict";
(() => {
  const box = document.querySelector(".viewer");
  if (!box) return;
  const runs = JSON.parse(document.getElementById("viewer-data").textContent);
  const canvas = box.querySelector("canvas");
  const context = canvas.getContext("2d");
  const runSelect = box.querySelector(".run");
  const stateSelect = box.querySelector(".snapshot");
  const LEVELS = 10; // of fading with distance
  const SPRITE = 48; // pixels of a sprite's radius
  const BUCKETS = 2048; // of depth, for sorting

  // ---- data ----

  function bytes(text) {
    const raw = atob(text);
    const result = new Uint8Array(raw.length);
    for (let k = 0; k < raw.length; k++) result[k] = raw.charCodeAt(k);
    return result;
  }
  function numbers(text, Type) {
    return new Type(bytes(text).buffer);
  }
  function load(run) {
    if (run.xyz) return;
    const steps = numbers(run.sites, Uint16Array);
    const centre = [0, 1, 2].map((d) => (run.cell[0][d] + run.cell[1][d] + run.cell[2][d]) / 2);
    run.xyz = new Float32Array(steps.length);
    let low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
    for (let k = 0; k < steps.length; k++) {
      const x = run.origin[k % 3] + steps[k] * run.step;
      run.xyz[k] = x;
      low[k % 3] = Math.min(low[k % 3], x);
      high[k % 3] = Math.max(high[k % 3], x);
    }
    run.whole = !run.note;
    const middle = run.whole ? centre : low.map((x, d) => (x + high[d]) / 2);
    run.reach = 0;
    for (let k = 0; k < run.xyz.length; k += 3) {
      for (let d = 0; d < 3; d++) run.xyz[k + d] -= middle[d];
      run.reach = Math.max(run.reach, Math.hypot(run.xyz[k], run.xyz[k + 1], run.xyz[k + 2]));
    }
    run.middle = middle;
    for (const frame of run.frames) {
      frame.kind = bytes(frame.classes);
      frame.at = numbers(frame.bondSites, Uint32Array);
      frame.half = numbers(frame.bondHalves, Int16Array);
      frame.bondKind = bytes(frame.bondKinds);
      frame.count = new Uint32Array(run.classes.length + 1);
      for (const c of frame.kind) frame.count[c]++;
    }
  }

  // ---- view ----

  const hidden = new Set(["cation vacancy (oct)"]);
  let run = null, frame = null, turn = null, view = null, sprites = [], waiting = false;

  function rotation(axis, angle) {
    const [x, y, z] = axis, c = Math.cos(angle), s = Math.sin(angle), t = 1 - c;
    return [t * x * x + c, t * x * y - s * z, t * x * z + s * y,
            t * x * y + s * z, t * y * y + c, t * y * z - s * x,
            t * x * z - s * y, t * y * z + s * x, t * z * z + c];
  }
  function times(a, b) {
    const r = new Array(9);
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++) r[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
    return r;
  }
  // Rows: what points right, up and at the reader.
  const FLAT = { c: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
  function along(angle) { // looks along a direction in the plane of the layers, c upwards
    const c = Math.cos(angle), s = Math.sin(angle);
    return [-s, c, 0, 0, 0, 1, c, s, 0];
  }
  const VIEWS = {
    oblique: times(rotation([1, 0, 0], -1.22), rotation([0, 0, 1], 0.42)),
    "100": along(0),
    "110": along(Math.PI / 6),
    c: FLAT.c,
  };
  // Turns to one of the views and makes the box fit; turning by hand keeps the size.
  function look(name) {
    turn = VIEWS[name].slice();
    const far = 4.5 * run.reach, xyz = run.xyz;
    const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
    for (let k = 0; k < xyz.length; k += 3) {
      const [x, y, z] = [0, 3, 6].map((r) => turn[r] * xyz[k] + turn[r + 1] * xyz[k + 1] + turn[r + 2] * xyz[k + 2]);
      [x, y].forEach((v, d) => {
        low[d] = Math.min(low[d], (v * far) / (far - z));
        high[d] = Math.max(high[d], (v * far) / (far - z));
      });
    }
    view = {
      zoom: 1, panX: 0, panY: 0,
      wide: Math.max(1, high[0] - low[0]), high: Math.max(1, high[1] - low[1]),
      midX: (low[0] + high[0]) / 2, midY: (low[1] + high[1]) / 2,
    };
    redraw();
  }
  function spin(dx, dy) {
    const angle = Math.hypot(dx, dy);
    if (angle > 0) turn = times(rotation([dy / angle, dx / angle, 0], angle), turn);
  }

  // ---- drawing ----

  function css(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }
  function rgb(hex) {
    return [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
  }
  function mix(a, b, share) {
    return `rgb(${a.map((x, k) => Math.round(x + (b[k] - x) * share)).join(",")})`;
  }
  function sprite(colour, paper, level, kind) {
    const s = document.createElement("canvas");
    s.width = s.height = 2 * SPRITE + 4;
    const g = s.getContext("2d"), m = SPRITE + 2, fog = (0.42 * level) / (LEVELS - 1);
    const tint = (share, to) => mix(rgb(mixHex(colour, to, share)), paper, fog);
    g.beginPath();
    g.arc(m, m, SPRITE - 1, 0, 2 * Math.PI);
    if (kind.group === "vacancy") {
      g.lineWidth = 7;
      g.strokeStyle = tint(0, "#000000");
      g.arc(m, m, SPRITE - 5, 0, 2 * Math.PI);
      g.stroke();
      return s;
    }
    const light = g.createRadialGradient(m - 0.38 * SPRITE, m - 0.42 * SPRITE, 0.06 * SPRITE, m, m, SPRITE);
    light.addColorStop(0, tint(0.5, "#ffffff"));
    light.addColorStop(0.38, tint(0, "#ffffff"));
    light.addColorStop(1, tint(0.42, "#000000"));
    g.fillStyle = light;
    g.fill();
    if (kind.group === "moved") {
      g.lineWidth = 8;
      g.strokeStyle = mix(rgb(isDark() ? "#ffffff" : "#000000"), paper, fog);
      g.beginPath();
      g.arc(m, m, SPRITE - 5, 0, 2 * Math.PI);
      g.stroke();
    }
    return s;
  }
  function mixHex(a, b, share) {
    const x = rgb(a), y = rgb(b);
    return "#" + x.map((v, k) => Math.round(v + (y[k] - v) * share).toString(16).padStart(2, "0")).join("");
  }
  function isDark() {
    const chosen = document.documentElement.dataset.scheme;
    return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
  function colours() {
    const paper = rgb(css("--stage"));
    sprites = run.classes.map((kind) =>
      Array.from({ length: LEVELS }, (_, level) => sprite(isDark() ? kind.dark : kind.light, paper, level, kind)));
  }

  function draw() {
    waiting = false;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    context.clearRect(0, 0, width, height);
    const scale = Math.min((0.92 * width) / view.wide, (0.84 * height) / view.high) * view.zoom;
    const midX = width / 2 + view.panX * ratio - scale * view.midX, midY = height / 2 + view.panY * ratio + scale * view.midY;
    const far = 4.5 * run.reach; // distance of the eye
    const [a, b, c, d, e, f, g, h, i] = turn;
    const xyz = run.xyz, kind = frame.kind, n = kind.length, reach = run.reach;
    const shown = run.classes.map((k) => !hidden.has(k.label));
    const place = new Float32Array(3 * n), bucket = new Int16Array(n).fill(-1), start = new Uint32Array(BUCKETS + 2);
    for (let k = 0; k < n; k++) {
      const cls = kind[k];
      if (!cls || !shown[cls - 1]) continue;
      const x = xyz[3 * k], y = xyz[3 * k + 1], z = xyz[3 * k + 2];
      const depth = g * x + h * y + i * z, near = scale * far / (far - depth);
      place[3 * k] = midX + near * (a * x + b * y + c * z);
      place[3 * k + 1] = midY - near * (d * x + e * y + f * z);
      place[3 * k + 2] = near;
      bucket[k] = Math.max(0, Math.min(BUCKETS - 1, Math.floor(((depth + reach) / (2 * reach)) * BUCKETS)));
      start[bucket[k] + 1]++;
    }
    for (let k = 0; k <= BUCKETS; k++) start[k + 1] += start[k];
    const order = new Uint32Array(start[BUCKETS]), next = start.slice();
    for (let k = 0; k < n; k++) if (bucket[k] >= 0) order[next[bucket[k]]++] = k;
    const bondsOf = new Map();
    frame.at.forEach((site, k) => bondsOf.set(site, k));
    outline(scale, far, midX, midY);
    const bondColours = [css("--bond0"), css("--bond1"), css("--bond2")];
    for (const k of order) {
      const cls = kind[k] - 1, x = place[3 * k], y = place[3 * k + 1], near = place[3 * k + 2];
      const level = Math.max(0, Math.min(LEVELS - 1, Math.round((1 - bucket[k] / BUCKETS) * (LEVELS - 1))));
      const bond = bondsOf.get(k);
      if (bond !== undefined) {
        const q = run.step, u = frame.half[3 * bond] * q, v = frame.half[3 * bond + 1] * q, w = frame.half[3 * bond + 2] * q;
        context.strokeStyle = bondColours[frame.bondKind[bond]];
        context.globalAlpha = 1 - (0.6 * level) / (LEVELS - 1);
        context.lineWidth = Math.max(1.5, 0.3 * near);
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(x + near * (a * u + b * v + c * w), y - near * (d * u + e * v + f * w));
        context.stroke();
        context.globalAlpha = 1;
      }
      const size = run.classes[cls].radius * near * (SPRITE + 2) / SPRITE;
      context.drawImage(sprites[cls][level], x - size, y - size, 2 * size, 2 * size);
    }
    canvas.dataset.drawn = String(order.length);
    canvas.dataset.turn = turn.map((x) => x.toFixed(3)).join(" ");
    canvas.dataset.zoom = view.zoom.toFixed(3);
  }
  // The periodic box.
  function outline(scale, far, midX, midY) {
    if (!run.whole) return;
    const corner = (p) => {
      const v = [0, 1, 2].map((d) => p[0] * run.cell[0][d] + p[1] * run.cell[1][d] + p[2] * run.cell[2][d] - run.middle[d]);
      const depth = turn[6] * v[0] + turn[7] * v[1] + turn[8] * v[2], near = scale * far / (far - depth);
      return [midX + near * (turn[0] * v[0] + turn[1] * v[1] + turn[2] * v[2]), midY - near * (turn[3] * v[0] + turn[4] * v[1] + turn[5] * v[2])];
    };
    context.strokeStyle = css("--line");
    context.lineWidth = 1.5;
    context.beginPath();
    for (let p = 0; p < 8; p++)
      for (let d = 0; d < 3; d++)
        if (!((p >> d) & 1)) {
          const q = p | (1 << d), bits = (m) => [m & 1, (m >> 1) & 1, (m >> 2) & 1];
          context.moveTo(...corner(bits(p)));
          context.lineTo(...corner(bits(q)));
        }
    context.stroke();
  }
  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  // ---- choices ----

  function options(select, labels, chosen) {
    select.replaceChildren(...labels.map((text, k) => new Option(text, k, false, k === chosen)));
  }
  function chooseRun(k) {
    run = runs[k];
    load(run);
    const last = run.frames.length - 1;
    const charged = run.frames.map((f) => /charge,/.test(f.label) && !/discharge/.test(f.label)).lastIndexOf(true);
    options(stateSelect, run.frames.map((f) => f.label), charged < 0 ? last : charged);
    colours();
    look("oblique");
    chooseState(charged < 0 ? last : charged);
  }
  function chooseState(k) {
    frame = run.frames[k];
    stateSelect.value = k;
    box.querySelector(".state").textContent = `${run.label}: ${frame.label}${run.note ? ` (${run.note})` : ""}`;
    species();
    redraw();
  }
  function species() {
    const list = box.querySelector(".species");
    list.replaceChildren();
    run.classes.forEach((kind, k) => {
      if (!run.frames.some((f) => f.count[k + 1])) return;
      const label = document.createElement("label"), input = document.createElement("input");
      const dot = document.createElement("span"), name = document.createElement("span"), count = document.createElement("span");
      input.type = "checkbox";
      input.checked = !hidden.has(kind.label);
      input.addEventListener("change", () => { hidden[input.checked ? "delete" : "add"](kind.label); redraw(); });
      dot.className = "dot";
      const colour = isDark() ? kind.dark : kind.light;
      if (kind.group === "vacancy") dot.style.borderColor = colour;
      else dot.style.background = colour;
      if (kind.group === "moved") dot.style.borderColor = dot.style.outlineColor = "var(--ink)";
      if (kind.group === "moved") dot.style.borderWidth = "2px";
      name.textContent = kind.label;
      count.className = "count";
      count.textContent = frame.count[k + 1].toLocaleString("en");
      label.append(input, dot, name, count);
      list.append(label);
    });
  }
  function preset(groups) {
    hidden.clear();
    for (const kind of run.classes) if (!groups.includes(kind.group)) hidden.add(kind.label);
    species();
    redraw();
  }
  const PRESETS = {
    all: ["cation", "moved", "anion", "oxidised"],
    change: ["moved", "oxidised"],
    voids: ["vacancy", "oxidised", "moved"],
  };

  runSelect.addEventListener("change", () => chooseRun(Number(runSelect.value)));
  stateSelect.addEventListener("change", () => chooseState(Number(stateSelect.value)));
  for (const b of box.querySelectorAll("[data-view]"))
    b.addEventListener("click", () => look(b.dataset.view));
  for (const b of box.querySelectorAll("[data-preset]"))
    b.addEventListener("click", () => preset(PRESETS[b.dataset.preset]));
  box.querySelector(".picture").addEventListener("click", () => {
    const link = document.createElement("a");
    link.download = `${run.label}-${frame.label}.png`.replace(/[^\w.-]+/g, "_");
    link.href = canvas.toDataURL("image/png");
    link.click();
  });

  // ---- hand: drag turns, two fingers or Shift move and zoom, wheel zooms, arrow keys turn ----

  const fingers = new Map();
  let spread = 0;
  function pair() {
    const [p, q] = fingers.values();
    return { x: (p.x + q.x) / 2, y: (p.y + q.y) / 2, d: Math.hypot(p.x - q.x, p.y - q.y) };
  }
  function zoom(factor) {
    view.zoom = Math.max(0.4, Math.min(12, view.zoom * factor));
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    canvas.classList.add("held");
    if (fingers.size === 2) spread = pair().d;
  });
  canvas.addEventListener("pointermove", (event) => {
    const old = fingers.get(event.pointerId);
    if (!old) return;
    const before = fingers.size === 2 ? pair() : null;
    const dx = event.clientX - old.x, dy = event.clientY - old.y;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (before) {
      const now = pair();
      view.panX += now.x - before.x;
      view.panY += now.y - before.y;
      if (spread > 0) zoom(now.d / spread);
      spread = now.d;
    } else if (event.shiftKey || event.buttons === 2) {
      view.panX += dx;
      view.panY += dy;
    } else {
      spin(dx * 0.008, dy * 0.008);
    }
    redraw();
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) canvas.classList.remove("held");
    });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)));
    redraw();
  }, { passive: false });
  canvas.addEventListener("dblclick", () => look("oblique"));
  const KEYS = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, -0.12], ArrowDown: [0, 0.12] };
  canvas.addEventListener("keydown", (event) => {
    if (KEYS[event.key]) spin(...KEYS[event.key]);
    else if (event.key === "+" || event.key === "=") zoom(1.2);
    else if (event.key === "-") zoom(1 / 1.2);
    else return;
    event.preventDefault();
    redraw();
  });
  new ResizeObserver(redraw).observe(canvas);
  window.addEventListener("schemechange", () => { if (run) { colours(); species(); redraw(); } });

  options(runSelect, runs.map((r) => r.label), 0);
  runSelect.hidden = runs.length < 2;
  chooseRun(0);
})();
