package dev.gyre.model;

/** Parts of a pass, for progress reports of a rank. */
public enum ModelPhase {
  EMBEDDING("embedding"),
  ATTENTION("attention"),
  MLP("mlp"),
  EXPERTS("experts"),
  HEAD("head"),
  ROW_STATISTICS("row statistics"),
  ATTENTION_BACKWARD("attention backward"),
  MLP_BACKWARD("mlp backward"),
  EXPERTS_BACKWARD("experts backward"),
  EMBEDDING_BACKWARD("embedding backward");

  private final String label;

  ModelPhase(String label) {
    this.label = label;
  }

  /** Text for progress lines and errors. */
  public String label() {
    return label;
  }
}
