package dev.gyre.model.port;

/**
 * Parameters that are needed together: those of the embedding, of one layer, or of the head. The
 * head's include the embedding's if they are tied.
 *
 * @param layer number of the layer; negative outside of the layers
 */
public record ParameterUnit(int layer) {
  public static final ParameterUnit EMBEDDING = new ParameterUnit(-1);
  public static final ParameterUnit HEAD = new ParameterUnit(-2);

  /** The parameters of one layer. */
  public static ParameterUnit ofLayer(int layer) {
    if (layer < 0) {
      throw new IllegalArgumentException("layer " + layer + " is negative");
    }
    return new ParameterUnit(layer);
  }

  @Override
  public String toString() {
    return equals(EMBEDDING) ? "embedding" : equals(HEAD) ? "head" : "layer " + layer;
  }
}
