package dev.gyre.trainer.data;

/**
 * How many documents had a problem of one kind, and the first of them.
 *
 * @param documents that had it; files, where whole files have it
 * @param fate what was done with them: {@code repaired}, {@code left out} or {@code kept}
 * @param first its file, its line, and what is wrong there
 */
public record TextFault(ProblemKind kind, long documents, String fate, String first) {
  /** Text for messages, for example {@code 3 repaired (not UTF-8), the first: a.txt:7: …}. */
  @Override
  public String toString() {
    return "%,d %s (%s), the first: %s".formatted(documents, fate, kind.words(), first);
  }
}
