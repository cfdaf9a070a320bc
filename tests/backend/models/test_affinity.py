import torch

from backend.models.affinity import affinity_map, self_similarity_map, softmax_of_visible


def test_rows_sum_to_one_and_hidden_frames_get_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 7, 5, generator=generator)
    visible = torch.ones(3, 7, dtype=torch.bool)
    visible[1, 2:5] = False
    visible[2] = False
    keys = torch.randn(3, 7, 5, generator=generator)
    rows = affinity_map(x, keys, visible)
    assert torch.allclose(rows.sum(-1), torch.ones(3, 7))
    assert rows[1, :, 2:5].abs().sum() == 0
    assert torch.allclose(rows[2], affinity_map(x, keys)[2]), "where nobody was seen, all frames count"


def test_self_similarity_is_the_softmax_of_the_gram_matrix() -> None:
    x = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    expected = torch.tensor([[[1.0, 0.0], [0.0, 4.0]]]).softmax(-1)
    assert torch.allclose(self_similarity_map(x), expected)


def test_softmax_is_over_those_that_are_visible() -> None:
    scores = torch.tensor([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
    visible = torch.tensor([[True, False, True], [False, False, False]])
    rows = softmax_of_visible(scores, visible)
    assert torch.allclose(rows[0, [0, 2]], scores[0, [0, 2]].softmax(-1))
    assert rows[0, 1] == 0
    assert torch.allclose(rows[1], scores[1].softmax(-1)), "where nobody was seen, all count"
