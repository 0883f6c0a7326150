package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.mesh.Mesh;
import java.util.ArrayList;
import java.util.List;

/**
 * Which heads each Ulysses rank computes: query heads in even runs, larger first, and the key/value
 * heads each run touches. A key/value head touched by two runs is copied to both. Source: Jacobs et
 * al., DeepSpeed Ulysses, section 3, with head counts that need not divide.
 *
 * @param parts one per Ulysses rank
 */
public record HeadSplit(List<Part> parts) {
  public HeadSplit {
    parts = List.copyOf(parts);
  }

  /**
   * One Ulysses rank's heads, all consecutive.
   *
   * @param kvHeadOf for each of this part's query heads its key/value head, counted from
   *     firstKvHead
   */
  public record Part(
      int firstQueryHead, int queryHeads, int firstKvHead, int kvHeads, int[] kvHeadOf) {}

  /**
   * @param kvHeadOf key/value head of each query head, not falling
   * @throws Invalid if the mesh has more Ulysses ranks than there are query heads
   */
  public static HeadSplit of(int[] kvHeadOf, Mesh mesh) {
    int heads = kvHeadOf.length;
    int ulysses = mesh.ulysses();
    if (ulysses > heads) {
      throw tooManyRanks(heads, mesh);
    }
    List<Part> parts = new ArrayList<>(ulysses);
    for (int u = 0; u < ulysses; u++) {
      int first = Math.toIntExact(EvenCut.start(heads, ulysses, u));
      int end = Math.toIntExact(EvenCut.start(heads, ulysses, u + 1));
      int[] local = new int[end - first];
      for (int h = first; h < end; h++) {
        if (h > 0 && kvHeadOf[h] < kvHeadOf[h - 1]) {
          throw new IllegalArgumentException(
              "query head %d uses key/value head %d after %d"
                  .formatted(h, kvHeadOf[h], kvHeadOf[h - 1]));
        }
        local[h - first] = kvHeadOf[h] - kvHeadOf[first];
      }
      int kvHeads = kvHeadOf[end - 1] - kvHeadOf[first] + 1;
      parts.add(new Part(first, end - first, kvHeadOf[first], kvHeads, local));
    }
    return new HeadSplit(parts);
  }

  private static Invalid tooManyRanks(int heads, Mesh mesh) {
    int usable = heads;
    while (mesh.ulysses() % usable != 0) {
      usable--;
    }
    int ring = mesh.ring() * (mesh.ulysses() / usable);
    String data = mesh.dataParallel() > 1 ? " × data-parallel " + mesh.dataParallel() : "";
    return new Invalid(
        "mesh.ulysses",
        "%d needs at least as many query heads; the model has %d. Use ulysses %d × ring %d%s for %d workers."
            .formatted(mesh.ulysses(), heads, usable, ring, data, mesh.workers()));
  }
}
