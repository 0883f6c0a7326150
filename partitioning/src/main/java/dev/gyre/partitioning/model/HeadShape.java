package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;

/**
 * Attention heads of a layer.
 *
 * @param queries number of query heads
 * @param keyValues number of key/value heads; consecutive query heads share one
 * @param size elements of a head, even
 */
public record HeadShape(int queries, int keyValues, int size) {
  public static final NumberRange HEADS = NumberRange.whole(1, 1 << 16);
  public static final NumberRange SIZE = NumberRange.whole(2, 256);

  public HeadShape {
    HEADS.require("model.num_attention_heads", queries);
    HEADS.require("model.num_key_value_heads", keyValues);
    SIZE.require("model.head_dim", size);
    Invalid.require(size % 2 == 0, "model.head_dim", size + " must be even");
    Invalid.require(
        queries % keyValues == 0,
        "model.num_key_value_heads",
        keyValues + " must divide num_attention_heads " + queries);
  }

  /** Elements of all query heads of a token. */
  public long queryWidth() {
    return (long) queries * size;
  }

  /** Elements of all key heads, or of all value heads, of a token. */
  public long keyValueWidth() {
    return (long) keyValues * size;
  }

  /** 1/√size, the factor of plain attention on the products of queries and keys. */
  public double scoreScale() {
    return 1 / Math.sqrt((double) size);
  }

  /** Key/value head of each query head. */
  public int[] kvHeadOf() {
    int[] map = new int[queries];
    for (int h = 0; h < queries; h++) {
      map[h] = h / (queries / keyValues);
    }
    return map;
  }
}
