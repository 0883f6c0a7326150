package dev.gyre.trainer.data;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/** Counts what is wrong with text, by kind, and keeps the first of each kind in document order. */
final class Problems {
  private final Map<ProblemKind, Count> counts = new EnumMap<>(ProblemKind.class);

  private record Count(long documents, Problem first) {}

  void add(Problem problem) {
    add(problem.kind(), 1, problem);
  }

  /**
   * @param lines of the file before the part in which the others were found
   */
  void add(Problems others, long lines) {
    others.counts.forEach((kind, c) -> add(kind, c.documents, c.first.after(lines)));
  }

  private void add(ProblemKind kind, long documents, Problem first) {
    counts.merge(
        kind,
        new Count(documents, first),
        (old, more) -> new Count(old.documents + more.documents, old.first));
  }

  long count(ProblemKind kind) {
    Count count = counts.get(kind);
    return count == null ? 0 : count.documents;
  }

  /** Whether {@code invalid-text: error} refuses the data. */
  boolean refused() {
    return counts.keySet().stream().anyMatch(ProblemKind::refused);
  }

  /** For the store's manifest and the console. */
  List<TextFault> faults(InvalidText policy, IntFunction<String> fileName) {
    List<TextFault> all = new ArrayList<>();
    counts.forEach(
        (kind, c) ->
            all.add(new TextFault(kind, c.documents, kind.fate(policy), shown(c.first, fileName))));
    return all;
  }

  /**
   * Names the first document of each kind, and how many there are.
   *
   * @param complete whether all of the data was looked through
   */
  DataException refusal(IntFunction<String> fileName, boolean complete) {
    StringBuilder message = new StringBuilder();
    counts.forEach(
        (kind, c) -> {
          if (kind.refused()) {
            message.append(message.isEmpty() ? "dataset.train: " : "\n      ");
            message.append(shown(c.first, fileName));
            if (c.documents > 1) {
              String atLeast = complete ? "" : "at least ";
              message.append(" (the first of %s%,d)".formatted(atLeast, c.documents));
            }
          }
        });
    message.append(
        "\n      Mend the text, or set dataset.invalid-text: replace repairs what can be repaired"
            + " and leaves out the rest, skip leaves all of it out.");
    return new DataException(message.toString());
  }

  private static String shown(Problem problem, IntFunction<String> fileName) {
    String file = fileName.apply(problem.file());
    // A line's message follows a colon, a whole file's is a sentence about the file.
    return problem.line() == 0
        ? file + " " + problem.what()
        : file + ":" + problem.line() + ": " + problem.what();
  }
}
