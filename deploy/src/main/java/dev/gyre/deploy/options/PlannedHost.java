package dev.gyre.deploy.options;

import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.worker.Transports;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A kind of host to plan for, instead of this one.
 *
 * @param cores of one host
 * @param memoryBytes of one host, shared by its ranks
 * @param matmul FLOP/s of one core, large matmuls in the compute dtype
 * @param attention FLOP/s of one core, causal attention
 * @param link bytes/s that each rank sends while all ranks send
 * @param ranks on one host
 */
public record PlannedHost(
    int cores, long memoryBytes, long matmul, long attention, long link, int ranks) {
  /** An example, for help and messages. */
  public static final String EXAMPLE =
      "cores=8,memory=64GiB,matmul=50e9,attention=20e9,link=1e9,ranks=1";

  private static final Map<String, String> DEFAULTS = Map.of("ranks", "1");

  private static final List<String> KEYS =
      List.of("cores", "memory", "matmul", "attention", "link", "ranks");

  private static final Pattern AMOUNT =
      Pattern.compile("([0-9][0-9_]*(?:\\.[0-9]+)?(?:[eE][0-9]+)?)\\s*([KMGT]i?)?B?");

  private static final String PREFIXES = "KMGT";
  private static final int MOST_CORES = 1 << 16;

  /** What {@link Rates} allow. */
  private static final long MOST = (long) Rates.PER_SECOND.most();

  /** Reads the option's value. */
  public static final class Converter implements ITypeConverter<PlannedHost> {
    @Override
    public PlannedHost convert(String text) {
      try {
        return parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }

  /**
   * Reads {@code cores=8,memory=64GiB,...}. Numbers may be like {@code 1e9}, and end in {@code K,
   * M, G, T} or {@code Ki, Mi, Gi, Ti}, with {@code B} or without.
   *
   * @throws IllegalArgumentException naming the key, the value and an example
   */
  static PlannedHost parse(String text) {
    Map<String, String> values = new LinkedHashMap<>(DEFAULTS);
    for (String part : text.split(",", -1)) {
      int equals = part.indexOf('=');
      String key = part.substring(0, Math.max(0, equals)).strip();
      if (!KEYS.contains(key)) {
        throw new IllegalArgumentException(
            "'%s' is none of %s. For example %s"
                .formatted(part.strip(), String.join("=, ", KEYS) + "=", EXAMPLE));
      }
      values.put(key, part.substring(equals + 1).strip());
    }
    return new PlannedHost(
        (int) amount(values, "cores", MOST_CORES),
        amount(values, "memory", MOST),
        amount(values, "matmul", MOST),
        amount(values, "attention", MOST),
        amount(values, "link", MOST),
        (int) amount(values, "ranks", MOST_CORES));
  }

  private static long amount(Map<String, String> values, String key, long most) {
    String text = values.get(key);
    if (text == null) {
      throw new IllegalArgumentException(key + "= is missing. For example " + EXAMPLE);
    }
    Matcher matcher = AMOUNT.matcher(text);
    if (matcher.matches()) {
      BigDecimal number = new BigDecimal(matcher.group(1).replace("_", ""));
      String prefix = matcher.group(2);
      if (prefix != null) {
        int power = PREFIXES.indexOf(prefix.charAt(0)) + 1;
        number = number.multiply(BigDecimal.valueOf(prefix.length() == 1 ? 1000 : 1024).pow(power));
      }
      if (number.compareTo(BigDecimal.ONE) >= 0
          && number.compareTo(BigDecimal.valueOf(most)) <= 0) {
        return number.longValue();
      }
    }
    throw new IllegalArgumentException(
        "%s=%s is not a number from 1 to %,d. For example %s".formatted(key, text, most, EXAMPLE));
  }

  /**
   * As the planner takes it.
   *
   * @param mesh of the job
   * @param workers that the job has on this mesh
   * @param backends those of this machine: what another one has is not known
   */
  public WorkerCapabilities capabilities(
      MeshSpec mesh, int workers, List<WorkerCapabilities.Backend> backends) {
    int sharing = Math.min(workers, ranks);
    int threads = WorkerCapabilities.kernelThreads(mesh.kernelThreads(), cores, sharing);
    int busy = Math.min(cores, sharing * threads);
    Rates rates = new Rates(share(matmul, busy, sharing), share(attention, busy, sharing), link);
    return new WorkerCapabilities(backends, Transports.offers(), cores, memoryBytes, ranks, rates);
  }

  /** What a rank has of so many cores. */
  private static long share(long perCore, int cores, int ranks) {
    return (long) Math.min(MOST, (double) perCore * cores / ranks);
  }
}
