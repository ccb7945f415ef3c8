/** HTML that may be written out as it is. */
export type Markup = { readonly markup: string };

/** What a template takes: text is escaped, markup is not, lists are joined, nothing is nothing. */
export type Content = string | number | Markup | null | false | readonly Content[];

/** HTML (or SVG) of a template. Everything that is put in is escaped as text or as an attribute's value, which must stand in double quotes. */
export function markup(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  const written = contents.map((content, index) => write(content) + lines(parts[index + 1]));
  return { markup: lines(parts[0]) + written.join('') };
}

/** A template's own text without the indentation that it has in its source. */
function lines(part = ''): string {
  return part.replace(/\n\s+/g, '\n');
}

/** Text with every character that means something to HTML escaped. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function write(content: Content): string {
  if (content === null || content === false) return '';
  if (typeof content === 'string') return escaped(content);
  if (typeof content === 'number') return escaped(String(content));
  return 'markup' in content ? content.markup : content.map(write).join('');
}
