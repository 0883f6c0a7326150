package dev.gyre.kernels.conformance;

import static dev.gyre.kernels.AttentionTiles.UNLIMITED;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.conformance.AttentionChecks.Shape;
import java.util.List;

/**
 * Values that an attention call must ignore: each (key, key/value head) that no query sees, and
 * each query that sees no key. They may hold anything, as a buffer that is not filled yet does.
 */
final class HiddenValues {
  private static final float[] POISON = {
    Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY
  };

  private final boolean[] querySees;
  private final boolean[][] keySeen;

  private HiddenValues(boolean[] querySees, boolean[][] keySeen) {
    this.querySees = querySees;
    this.keySeen = keySeen;
  }

  /** Calls that leave out keys before, behind and between, whole heads, and queries. */
  static List<Shape> shapes() {
    AttentionTiles documents =
        new AttentionTiles.Builder()
            .add(3, 20, 3, 20, 0, UNLIMITED)
            .add(40, 30, 37, 33, 5, 12)
            .add(75, 0, 75, 3, 0, 0)
            .build();
    return List.of(
        shape("keys behind", 300, 520, 0, UNLIMITED),
        shape("keys before", 70, 300, -290, -230),
        shape("keys on both sides", 64, 777, -400, -333),
        shape("queries before", 290, 50, 131, UNLIMITED),
        shape("queries behind", 333, 20, -UNLIMITED, 40),
        shape("everything", 20, 20, 1000, UNLIMITED),
        new Shape("gaps", 90, 110, AttentionChecks.UNEVEN, 5, 16, documents));
  }

  private static Shape shape(String name, int queries, int keys, int minDelta, int maxDelta) {
    AttentionTiles tiles = AttentionChecks.one(queries, keys, minDelta, maxDelta);
    return new Shape(name, queries, keys, AttentionChecks.ONE_HEAD, 1, 16, tiles);
  }

  /** Finds the hidden values by checking every pair. */
  static HiddenValues of(Shape s) {
    boolean[] querySees = new boolean[s.queries()];
    boolean[][] keySeen = new boolean[s.keys()][s.kvHeads()];
    AttentionTiles tiles = s.tiles();
    for (int n = 0; n < tiles.count(); n++) {
      for (int i = 0; i < tiles.queryCount(n); i++) {
        for (int j = 0; j < tiles.keyCount(n); j++) {
          if (i - j >= tiles.minDelta(n) && i - j <= tiles.maxDelta(n)) {
            querySees[tiles.queryStart(n) + i] = true;
            for (int kvHead : s.kvHeadOf()) {
              keySeen[tiles.keyStart(n) + j][kvHead] = true;
            }
          }
        }
      }
    }
    return new HiddenValues(querySees, keySeen);
  }

  /** Poisons the hidden rows of a tensor shaped like q. */
  void poisonQueries(Case c, Tensor queryLike) {
    for (int i = 0; i < querySees.length; i++) {
      if (!querySees[i]) {
        c.twin().fill(queryLike.slice(i, 1), POISON[i % POISON.length]);
      }
    }
  }

  /** Poisons the hidden rows of a tensor shaped like k. */
  void poisonKeys(Case c, Tensor keyLike) {
    for (int j = 0; j < keySeen.length; j++) {
      for (int head = 0; head < keySeen[j].length; head++) {
        if (!keySeen[j][head]) {
          c.twin().fill(keyLike.get(j).slice(head, 1), POISON[(j + head) % POISON.length]);
        }
      }
    }
  }
}
