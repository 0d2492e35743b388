// A stream with a stone in it: the streamlines of an ideal flow around a cylinder. What the user says ripples
// towards the stone, what is answered flows away from it.

const LINES = 14; // even: none of them meets the stone head on
const STEP_PX = 7;
const SPACING = 0.17; // between two streamlines far from the stone, in radii
const DRIFT = 0.9; // radians a second: the stream at rest
const QUIET = 0.05; // its ripples, in radii
const LOUD = 0.62; // a voice's, at its loudest
const FOLLOW = 0.12; // of the way to a new level, each frame
const FRAME_MS = 33;
const BARE_RADIUS_PX = 34; // the measure of the stream where there is no stone

export class River {
  constructor(canvas, stone) {
    this._canvas = canvas;
    this._stone = stone;
    this._pen = canvas.getContext("2d");
    this._still = matchMedia("(prefers-reduced-motion: reduce)");
    this._level = { user: 0, assistant: 0 }; // as heard, 0 to 1
    this._shown = { user: 0, assistant: 0 };
    this._phase = 0;
    this._drawnMs = 0;
    this._lines = []; // {place, heights}: at rest, every STEP_PX
    this._radius = BARE_RADIUS_PX;
    new ResizeObserver(() => this._fit()).observe(canvas);
    requestAnimationFrame((ms) => this._frame(ms));
  }

  /** `level`: root mean square of a voice, 0 to 1. */
  hear(who, level) {
    this._level[who] = Math.min(1, Math.sqrt(level) * 2.2);
  }

  _fit() {
    const { clientWidth: width, clientHeight: height } = this._canvas;
    const dense = Math.min(2, devicePixelRatio);
    this._canvas.width = width * dense;
    this._canvas.height = height * dense;
    this._pen.setTransform(dense, 0, 0, dense, 0, 0);
    const stone = this._stone.offsetWidth / 2 + 7;
    this._radius = this._stone.offsetWidth ? stone : BARE_RADIUS_PX;
    this._lines = Array.from({ length: LINES }, (_, line) => {
      const place = line - (LINES - 1) / 2;
      const far = Math.abs(place) * SPACING * this._radius;
      const side = place < 0 ? -1 : 1;
      const heights = [];
      for (let x = 0; x <= width + STEP_PX; x += STEP_PX) {
        const here = x - width / 2;
        heights.push(side * (this._stone.offsetWidth ? around(here, far, stone) : far));
      }
      return { place, heights };
    });
    this._draw();
  }

  _frame(nowMs) {
    requestAnimationFrame((ms) => this._frame(ms));
    if (nowMs - this._drawnMs < FRAME_MS) return;
    const passedS = Math.min(0.1, (nowMs - this._drawnMs) / 1000);
    this._drawnMs = nowMs;
    let moved = !this._still.matches;
    for (const who of ["user", "assistant"]) {
      const change = (this._level[who] - this._shown[who]) * FOLLOW;
      this._shown[who] += change;
      this._level[who] *= 0.9; // nobody says when a voice ended
      moved ||= Math.abs(change) > 0.002;
    }
    if (!moved) return;
    if (!this._still.matches) this._phase += passedS * DRIFT * (1 + this._shown.user + this._shown.assistant);
    this._draw();
  }

  _draw() {
    const { clientWidth: width, clientHeight: height } = this._canvas;
    const { color: water, borderTopColor: ink } = getComputedStyle(this._canvas);
    this._pen.clearRect(0, 0, width, height);
    this._pen.lineWidth = 1.1;
    for (const { place, heights } of this._lines) {
      const fade = 1 - Math.abs(place) / (LINES / 2 + 0.5);
      this._pen.strokeStyle = this._inks(width, water, ink, fade);
      this._pen.beginPath();
      heights.forEach((y, i) => {
        const x = i * STEP_PX;
        this._pen.lineTo(x, height / 2 + y + this._ripple(x - width / 2, place, width));
      });
      this._pen.stroke();
    }
  }

  /** How far the voices move the water at x, away from the stone and from the shore. */
  _ripple(x, place, width) {
    const away = Math.abs(x) / (width / 2);
    const voice = x < 0 ? this._shown.user : this._shown.assistant;
    const reach = (QUIET + LOUD * voice) * 1.2 * away * (1 - away) * this._radius;
    const phase = x / (this._radius * 1.25) - this._phase * 2.2 + place * 0.33;
    return reach * (Math.sin(phase) + 0.5 * Math.sin(phase * 0.53 + place));
  }

  _inks(width, water, ink, fade) {
    const brush = this._pen.createLinearGradient(0, 0, width, 0);
    const strong = 0.14 + 0.5 * fade;
    const user = 0.1 + 0.35 * fade + 0.4 * this._shown.user * fade;
    brush.addColorStop(0, faded(ink, 0));
    brush.addColorStop(0.3, faded(ink, user * (0.4 + 0.6 * this._shown.user)));
    brush.addColorStop(0.5, faded(water, strong));
    brush.addColorStop(0.75, faded(water, strong * (0.7 + 0.5 * this._shown.assistant)));
    brush.addColorStop(1, faded(water, 0));
    return brush;
  }
}

/** The height at x of the streamline that is `far` > 0 from the middle far away: y (1 - r²/(x² + y²)) = far. */
function around(x, far, radius) {
  let low = Math.sqrt(Math.max(0, radius * radius - x * x)); // the stone's own edge
  let high = low + far + radius;
  for (let i = 0; i < 24; i++) {
    const y = (low + high) / 2;
    if (y * (1 - (radius * radius) / (x * x + y * y)) < far) low = y;
    else high = y;
  }
  return low;
}

function faded(color, alpha) {
  const [red, green, blue] = color.match(/[\d.]+/g);
  return `rgb(${red} ${green} ${blue} / ${Math.min(1, alpha)})`;
}
