/**
 * Greets somebody by name.
 * @param {string} name Who is greeted.
 */
export function {{function}}({ name }) {
  return { greeting: `hello, ${name}` };
}
