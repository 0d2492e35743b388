// Who wants to know of which event. What nobody asked for is passed over, as the protocol says.

export class Router {
  constructor() {
    this._listeners = new Map(); // type -> functions
  }

  /** Call `listener` with every event of these types. */
  on(types, listener) {
    for (const type of [types].flat()) {
      this._listeners.set(type, [...(this._listeners.get(type) ?? []), listener]);
    }
  }

  dispatch(event) {
    for (const listener of this._listeners.get(event.type) ?? []) listener(event);
  }
}
