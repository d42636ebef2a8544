// A canvas that pans and zooms: drag, pinch, ctrl + wheel, sideways wheel; the page keeps its own scrolling.

/** Sharp on every screen; calls `draw(context, width, height)` at most once a frame. */
function makeSurface(canvas, draw) {
  const surface = { canvas, width: 0, height: 0, waiting: false };
  surface.redraw = () => {
    if (surface.waiting) return;
    surface.waiting = true;
    requestAnimationFrame(() => {
      surface.waiting = false;
      const box = canvas.getBoundingClientRect();
      if (!box.width || !box.height) return;
      [surface.width, surface.height] = [box.width, box.height];
      surface.paint(canvas, window.devicePixelRatio || 1);
    });
  };
  surface.paint = (target, density) => {
    const [width, height] = [Math.round(surface.width * density), Math.round(surface.height * density)];
    if (target.width !== width || target.height !== height) [target.width, target.height] = [width, height];
    const context = target.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, surface.width, surface.height);
    draw(context, surface.width, surface.height);
  };
  new ResizeObserver(() => {
    if (surface.onResize) surface.onResize();
    surface.redraw();
  }).observe(canvas);
  onTheme(surface.redraw);
  return surface;
}

/**
 * What part of the world the canvas shows: screen = world × k + offset. `flat` views zoom only along x; in others the
 * scale along y stays above `floor`, so that a long chain seen as a whole is no mere line.
 */
class View {
  constructor({ flat = false, least = 0.02, most = 40 } = {}) {
    Object.assign(this, { k: 1, x: 0, y: 0, flat, least, most, floor: 0, world: { x: 0, y: 0, w: 1, h: 1 } });
  }

  get ky() {
    return this.flat ? 1 : Math.max(this.k, this.floor);
  }
  sx(x) {
    return x * this.k + this.x;
  }
  sy(y) {
    return y * this.ky + this.y;
  }
  wx(x) {
    return (x - this.x) / this.k;
  }
  wy(y) {
    return (y - this.y) / this.ky;
  }

  /** Show the whole world in a box of this size, from its top left corner, but no larger than `limit`. */
  fit(width, height, limit = 1.5, margin = 14) {
    const high = (height - 2 * margin) / this.world.h;
    this.k = Math.min(limit, (width - 2 * margin) / this.world.w, high);
    this.floor = Math.min(0.55, high);
    this.least = this.k / 2;
    this.x = margin - this.world.x * this.k;
    this.y = margin - this.world.y * this.ky;
  }

  zoom(factor, cx, cy) {
    const k = Math.max(this.least, Math.min(this.most, this.k * factor));
    const [x, y] = [this.wx(cx), this.wy(cy)];
    this.k = k;
    this.x = cx - x * k;
    if (!this.flat) this.y = cy - y * this.ky;
  }

  /** Keep some of the world in sight. */
  clamp(width, height) {
    const keep = 60;
    const { x, y, w, h } = this.world;
    this.x = Math.max(keep - (x + w) * this.k, Math.min(width - keep - x * this.k, this.x));
    if (!this.flat) this.y = Math.max(keep - (y + h) * this.ky, Math.min(height - keep - y * this.ky, this.y));
  }

  /** Move so that a world box lies in sight. */
  reveal(box, width, height, margin = 40) {
    const [left, right] = [this.sx(box.x), this.sx(box.x + box.w)];
    if (left < margin) this.x += margin - left;
    else if (right > width - margin) this.x -= right - (width - margin);
    if (!this.flat) {
      const [top, bottom] = [this.sy(box.y), this.sy(box.y + box.h)];
      if (top < margin) this.y += margin - top;
      else if (bottom > height - margin) this.y -= bottom - (height - margin);
    }
  }
}

/** Pointers and wheel move the view; `onHover` and `onPick` get places on the canvas, hover null when they leave. */
function attachPan(surface, view, { onHover, onPick }) {
  const { canvas } = surface;
  const pointers = new Map();
  let moved = 0;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const changed = () => {
    view.clamp(surface.width, surface.height);
    surface.redraw();
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { size: Math.hypot(a.x - b.x, a.y - b.y) || 1, x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pointers.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
    moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    const last = pointers.get(event.pointerId);
    if (!last) {
      onHover(now.x, now.y);
      return;
    }
    if (pointers.size === 2) {
      const before = spread();
      pointers.set(event.pointerId, now);
      const after = spread();
      view.zoom(after.size / before.size, after.x, after.y);
      moved = 99;
    } else {
      view.x += now.x - last.x;
      if (!view.flat) view.y += now.y - last.y;
      moved += Math.abs(now.x - last.x) + Math.abs(now.y - last.y);
      pointers.set(event.pointerId, now);
      if (moved > 4) canvas.classList.add("dragging");
    }
    changed();
  });
  const lift = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    canvas.classList.remove("dragging");
    if (event.type === "pointerup" && moved <= 4) {
      const at = place(event);
      onPick(at.x, at.y);
    }
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => onHover(null, null));
  canvas.addEventListener(
    "wheel",
    (event) => {
      const at = place(event);
      if (event.ctrlKey || event.metaKey) view.zoom(Math.exp(-event.deltaY * 0.006), at.x, at.y);
      else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        view.x -= event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
      } else return;
      event.preventDefault();
      changed();
    },
    { passive: false },
  );
}

/** A button that saves what the canvas shows as a picture sharp enough for print. */
function saveButton(surface, name) {
  const save = () => {
    const [picture, paper] = [document.createElement("canvas"), document.createElement("canvas")];
    surface.paint(picture, 3);
    [paper.width, paper.height] = [picture.width, picture.height];
    const context = paper.getContext("2d");
    context.fillStyle = ink("page");
    context.fillRect(0, 0, paper.width, paper.height);
    context.drawImage(picture, 0, 0);
    paper.toBlob((blob) => {
      const address = URL.createObjectURL(blob);
      el("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 1000);
    });
  };
  return el("button", { type: "button", title: "Save what is shown as a picture", onclick: save }, "Save PNG");
}

/** Buttons that every such canvas has: closer, farther, everything. */
function zoomButtons(surface, view, fit) {
  const step = (factor) => () => {
    view.zoom(factor, surface.width / 2, surface.height / 2);
    view.clamp(surface.width, surface.height);
    surface.redraw();
  };
  const button = (text, label, act) =>
    el("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
  return el(
    "span",
    { class: "buttons" },
    button("+", "Zoom in", step(1.5)),
    button("−", "Zoom out", step(1 / 1.5)),
    button("Fit", "Show everything", fit),
  );
}
