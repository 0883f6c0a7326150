package dev.gyre.trainer.data;

/**
 * Text that cannot be used as it is.
 *
 * @param file index of the file among all of the dataset
 * @param line of the file, from 1; 0 for the whole file
 * @param what description of the problem
 */
record Problem(ProblemKind kind, int file, long line, String what) {
  /** The same for a batch that begins after so many lines. */
  Problem after(long lines) {
    return line == 0 ? this : new Problem(kind, file, line + lines, what);
  }
}
