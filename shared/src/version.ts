/** Version of this build: the one of every package of it. */
export const version = '0.1.0';
