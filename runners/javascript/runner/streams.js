/** Standard output and error of a program, kept in memory up to a number of characters that both share. */

/** What is left for both streams. */
export class Room {
  #left;
  #stop;

  constructor(characters, stop) {
    this.#left = characters;
    this.#stop = stop;
  }

  /** Use up `wanted` characters; past what there is, the host ends the call. */
  take(wanted) {
    this.#left -= wanted;
    if (this.#left < 0) this.#stop("output_bytes");
  }
}

/** One stream. */
export class Written {
  #room;
  #text = "";

  constructor(room) {
    this.#room = room;
  }

  write(text) {
    this.#room.take(text.length);
    this.#text += text;
  }

  /** Everything written. */
  taken() {
    return this.#text;
  }
}
