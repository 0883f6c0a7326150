package dev.gyre.model.parameters;

/** Hugging Face names of a decoder's weights: Mixtral's, and Llama's for dense layers. */
public final class ParameterNames {
  public static final String EMBEDDING = "model.embed_tokens.weight";
  public static final String FINAL_NORM = "model.norm.weight";
  public static final String HEAD = "lm_head.weight";

  private final String prefix;

  /** Names of one decoder layer. */
  public ParameterNames(int layer) {
    this.prefix = "model.layers." + layer + ".";
  }

  public String inputNorm() {
    return prefix + "input_layernorm.weight";
  }

  public String query() {
    return prefix + "self_attn.q_proj.weight";
  }

  public String key() {
    return prefix + "self_attn.k_proj.weight";
  }

  public String value() {
    return prefix + "self_attn.v_proj.weight";
  }

  public String attentionOutput() {
    return prefix + "self_attn.o_proj.weight";
  }

  /** Norm of a linear layer's output before its projection; not a Hugging Face name. */
  public String outputNorm() {
    return prefix + "self_attn.norm.weight";
  }

  public String postAttentionNorm() {
    return prefix + "post_attention_layernorm.weight";
  }

  public String gate() {
    return prefix + "mlp.gate_proj.weight";
  }

  public String up() {
    return prefix + "mlp.up_proj.weight";
  }

  public String down() {
    return prefix + "mlp.down_proj.weight";
  }

  public String router() {
    return prefix + "block_sparse_moe.gate.weight";
  }

  public String expertGate(int expert) {
    return prefix + "block_sparse_moe.experts." + expert + ".w1.weight";
  }

  public String expertUp(int expert) {
    return prefix + "block_sparse_moe.experts." + expert + ".w3.weight";
  }

  public String expertDown(int expert) {
    return prefix + "block_sparse_moe.experts." + expert + ".w2.weight";
  }
}
