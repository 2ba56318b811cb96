"""The arithmetic that proves a GGUF says what transformers says of the same weights."""

import pytest

from inference.models.arithmetic import Shape, behind, scores

pytestmark = pytest.mark.torch

NAMES = {
    "embed_tokens": "token_embd",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
HEADS, SHARED, WIDTH = 4, 2, 64


def as_gguf(state, interleaved):
    """The tensors as a GGUF names them; it keeps the queries and keys of llamas permuted."""
    tensors = {}
    for name, value in state.items():
        name = name.removeprefix("model.").replace("layers.", "blk.")
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        value = value.float().numpy()
        if interleaved and name.endswith(("attn_q.weight", "attn_k.weight")):
            heads = HEADS if "attn_q" in name else SHARED
            parted = value.reshape(heads, 2, len(value) // heads // 2, -1)
            value = parted.swapaxes(1, 2).reshape(value.shape)
        tensors["output_norm.weight" if name == "norm.weight" else name] = value
    return tensors


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_every_family_that_openvino_reads_is_computed_as_transformers_does(family):
    torch = pytest.importorskip("torch", reason="torch is not installed (make test-torch)")
    import transformers

    torch.manual_seed(3)
    more = {"head_dim": WIDTH // HEADS} if family != "qwen2" else {}
    config = transformers.AutoConfig.for_model(
        family,
        vocab_size=90,
        hidden_size=WIDTH,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=SHARED,
        tie_word_embeddings=True,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        **more,
    )
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for value in model.parameters():  # so that every part has its say
            value.add_(torch.randn_like(value) * 0.2)
    ids = [3, 14, 15, 9, 26, 5, 35, 8, 9, 79]
    with torch.no_grad():
        wanted = model(torch.tensor([ids])).logits[0].numpy()
    tensors = as_gguf(model.state_dict(), interleaved=family == "llama")
    shape = Shape(2, HEADS, SHARED, WIDTH // HEADS, 1e-5, 10_000.0, family == "llama")
    words = tensors["token_embd.weight"]
    says = scores(shape, tensors.get, ids)
    assert abs(says @ words.T - wanted).max() < 1e-3 * abs(wanted).max()
    likeliest = wanted.argmax(-1).tolist()
    assert (behind(says, words, likeliest) < 0.01).all()
    assert (behind(says, words, [(each + 1) % 90 for each in likeliest]) > 0).all()
