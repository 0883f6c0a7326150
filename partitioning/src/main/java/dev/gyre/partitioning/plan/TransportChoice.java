package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.mesh.Mesh;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The transport of a run: the one the job names, or the first that can connect all its ranks.
 *
 * @param reason why it is not another; empty if the job names it
 */
public record TransportChoice(String name, String reason) {
  /**
   * @param asked a transport's name or {@code auto}
   * @param hosts that the ranks of the mesh are on
   * @param offers in order of preference
   * @throws Invalid naming the transport, the number of ranks, its limit and what to do
   */
  public static TransportChoice of(
      String asked, Mesh mesh, int hosts, List<WorkerCapabilities.Transport> offers) {
    List<WorkerCapabilities.Transport> able =
        offers.stream().filter(offer -> limit(offer, mesh, hosts).isEmpty()).toList();
    if (asked.equals(MeshSpec.AUTO)) {
      if (able.isEmpty()) {
        throw new Invalid("transport", "auto: " + refusal(offers, able, mesh, hosts));
      }
      return new TransportChoice(
          able.getFirst().name(), reason(able.getFirst(), offers, mesh, hosts));
    }
    WorkerCapabilities.Transport named =
        offers.stream()
            .filter(offer -> offer.name().equals(asked))
            .findFirst()
            .orElseThrow(() -> new Invalid("transport", unknown(asked, offers)));
    if (!able.contains(named)) {
      throw new Invalid("transport", refusal(List.of(named), able, mesh, hosts));
    }
    return new TransportChoice(asked, "");
  }

  /** Why a transport cannot connect the ranks; empty if it can. */
  private static String limit(WorkerCapabilities.Transport offer, Mesh mesh, int hosts) {
    if (offer.oneHost() && hosts > 1) {
      return offer.name() + " connects the ranks of one host only";
    }
    return mesh.workers() > offer.mostRanks()
        ? String.format(
            Locale.ROOT, "%s connects at most %,d ranks", offer.name(), offer.mostRanks())
        : "";
  }

  private static String reason(
      WorkerCapabilities.Transport chosen,
      List<WorkerCapabilities.Transport> offers,
      Mesh mesh,
      int hosts) {
    List<String> passedOver = new ArrayList<>();
    for (WorkerCapabilities.Transport offer : offers.subList(0, offers.indexOf(chosen))) {
      passedOver.add(limit(offer, mesh, hosts));
    }
    return passedOver.isEmpty()
        ? "the first in order of preference"
        : String.join("; ", passedOver);
  }

  /**
   * @param tried none of which can
   * @param able others that can
   */
  private static String refusal(
      List<WorkerCapabilities.Transport> tried,
      List<WorkerCapabilities.Transport> able,
      Mesh mesh,
      int hosts) {
    String limits =
        tried.stream().map(offer -> limit(offer, mesh, hosts)).collect(Collectors.joining(", "));
    List<String> ways = new ArrayList<>();
    if (!able.isEmpty()) {
      ways.add("transport " + able.getFirst().name());
    }
    int most =
        tried.stream()
            .filter(offer -> !offer.oneHost() || hosts == 1)
            .mapToInt(WorkerCapabilities.Transport::mostRanks)
            .max()
            .orElse(0);
    ways.add(
        most > 0 ? String.format(Locale.ROOT, "at most %,d workers", most) : "workers of one host");
    return String.format(
        Locale.ROOT,
        "%s, but %s is %,d ranks%s. Use %s.",
        limits,
        mesh.factors(),
        mesh.workers(),
        hosts > 1 ? String.format(Locale.ROOT, " on %,d hosts", hosts) : "",
        String.join(", or ", ways));
  }

  private static String unknown(String asked, List<WorkerCapabilities.Transport> offers) {
    return "'%s' is not known here; there is %s"
        .formatted(
            asked,
            offers.stream()
                .map(WorkerCapabilities.Transport::name)
                .collect(Collectors.joining(", ")));
  }
}
