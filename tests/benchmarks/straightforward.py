"""What one would write first: Hydra, Lightning and its MLflow logger around the same network, up to the first step.

The reference for how long a training takes to start. Run by its path, with `folder=` to write into.
"""

from pathlib import Path
from typing import Any

import hydra
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.loggers import MLFlowLogger
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy

CLASSES = 10


class Classifier(LightningModule):
    """Three convolutions and a line."""

    def __init__(self, width: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.lr = lr
        self.accuracy = MulticlassAccuracy(CLASSES)
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 1, 1), nn.BatchNorm2d(2 * width), nn.ReLU(),
            nn.Conv2d(2 * width, 2 * width, 3, 1, 1), nn.BatchNorm2d(2 * width), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, CLASSES),
        )  # fmt: skip

    def training_step(self, batch: Any, _number: int) -> Tensor:
        images, labels = batch
        logits = self.body((images.float() - 127.5) / 63.75)
        loss = functional.cross_entropy(logits, labels)
        self.log("train/loss", loss, prog_bar=True)
        self.log("train/accuracy", self.accuracy(logits, labels))
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=self.lr)


@hydra.main(version_base=None, config_path=None)
def main(config: DictConfig) -> None:
    """Train for one step."""
    OmegaConf.resolve(config)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    folder = Path(config.folder)
    images = torch.randint(0, 256, (512, 3, 16, 16), dtype=torch.uint8)
    data = TensorDataset(images, torch.randint(0, CLASSES, (512,)))
    logger = MLFlowLogger("bench", tracking_uri=f"sqlite:///{folder}/mlflow.db", artifact_location=str(folder))
    trainer = Trainer(max_steps=1, accelerator="cpu", logger=logger, default_root_dir=folder, log_every_n_steps=1)
    trainer.fit(Classifier(8, 1e-3), DataLoader(data, batch_size=64, shuffle=True))


if __name__ == "__main__":
    main()
