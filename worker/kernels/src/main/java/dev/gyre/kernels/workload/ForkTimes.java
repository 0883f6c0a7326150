package dev.gyre.kernels.workload;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Measured times of one workload, passed between processes as one line.
 *
 * @param kernel method of {@link dev.gyre.kernels.Kernels}, or {@link #MEMORY}
 * @param shape as in {@link Workload}
 * @param flops as in {@link Workload}
 * @param bytes as in {@link Workload}
 * @param medians seconds of a call in each JVM fork: its median iteration
 * @param bests the same: its fastest iteration, which a busy machine disturbs less
 */
public record ForkTimes(
    String kernel,
    String shape,
    double flops,
    double bytes,
    List<Double> medians,
    List<Double> bests) {
  /** Stands for a memory copy, which measures bandwidth, in place of a kernel's name. */
  public static final String MEMORY = "memory";

  /** Separator; occurs in neither a kernel's name nor a shape. */
  private static final String BETWEEN = "\t";

  private static final String BETWEEN_FORKS = ",";
  private static final int FIELDS = 6;

  public ForkTimes {
    medians = List.copyOf(medians);
    bests = List.copyOf(bests);
    if (medians.isEmpty() || medians.size() != bests.size() || (kernel + shape).contains(BETWEEN)) {
      throw new IllegalArgumentException(
          "'%s' '%s' with %d medians and %d bests"
              .formatted(kernel, shape, medians.size(), bests.size()));
    }
  }

  public String line() {
    return String.join(
        BETWEEN,
        kernel,
        shape,
        Double.toString(flops),
        Double.toString(bytes),
        joined(medians),
        joined(bests));
  }

  private static String joined(List<Double> forks) {
    return forks.stream().map(String::valueOf).collect(Collectors.joining(BETWEEN_FORKS));
  }

  /**
   * @throws IllegalArgumentException quoting the line if it is not in this format
   */
  public static ForkTimes parse(String line) {
    String[] fields = line.split(BETWEEN, -1);
    if (fields.length != FIELDS) {
      throw new IllegalArgumentException("no measurement: '" + line + "'");
    }
    return new ForkTimes(
        fields[0],
        fields[1],
        Double.parseDouble(fields[2]),
        Double.parseDouble(fields[3]),
        forks(fields[4]),
        forks(fields[5]));
  }

  private static List<Double> forks(String joined) {
    return Arrays.stream(joined.split(BETWEEN_FORKS, -1)).map(Double::valueOf).toList();
  }
}
