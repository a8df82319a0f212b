#!/bin/sh
# Trains the models that are shipped in configs/models and checks that they are those, byte for byte.
#
# On a processor without AVX2 the bytes differ; there it checks that the models are as good. With
# --accept what was trained becomes what is shipped: for a change of recipes, simulator or stages.
# WORKERS sets the number of threads, which changes no byte.
set -eu
cd "$(dirname "$0")/.."

vigil=${VIGIL:-build/release/vigil}
shipped=configs/models
out=build/models
mkdir -p "$out"
: >"$out/training.ndjson"

# What clock, folder and processor do not change.
plain='s/"model":"[^"]*"/"model":"NAME"/; s/,"seconds":[0-9.]*//; s/,"kernel":"[^"]*"//'

train() { # KIND NAME
    echo "training $2" >&2
    "$vigil" train "$1" --config "configs/train/demo_$2.yaml" --out "$out/$2.safetensors" \
        --workers "${WORKERS:-0}" --json >"$out/$2.json"
    sed "$plain; s/NAME/$2/" "$out/$2.json" >>"$out/training.ndjson"
}

train forecast forecast
train baseline ridge
train autoencoder autoencoder
train baseline pca
echo "training detector" >&2
"$vigil" train detector --fast "$out/forecast.safetensors" --slow "$out/ridge.safetensors" \
    --window "$out/autoencoder.safetensors" --out "$out/detector.safetensors" \
    --workers "${WORKERS:-0}" >"$out/detector.txt"

if [ "${1:-}" = --accept ]; then
    cp "$out"/*.safetensors "$out/training.ndjson" "$out/detector.txt" "$shipped/"
    sed -i "s|$out/||" "$shipped/detector.txt"
    (cd "$shipped" && sha256sum -- *.safetensors >SHA256SUMS)
    echo "configs/models has the new models; run the tests, and commit them together" >&2
    exit 0
fi

if (cd "$out" && sha256sum --quiet -c "../../$shipped/SHA256SUMS"); then
    echo "the shipped models, byte for byte"
    exit 0
fi
if grep -q '"kernel":"Haswell"' "$out"/*.json; then
    echo "other bytes than those in $shipped: a recipe, the simulator or a stage has changed." >&2
    echo "If that was meant: scripts/models.sh --accept" >&2
    exit 1
fi

# Another kernel: other bytes, but models as good.
number() { # FILE NAME
    sed -n "s/.*\"model\":\"$2\".*\"validation\":\([0-9.e-]*\).*/\1/p" "$1"
}
for name in forecast autoencoder; do
    is=$(number "$out/training.ndjson" "$name")
    was=$(number "$shipped/training.ndjson" "$name")
    echo "$name: validation loss $is, shipped $was (other bytes: this processor has no AVX2)"
    awk -v is="$is" -v was="$was" 'BEGIN { exit !(is < 1.02 * was) }' || {
        echo "$name is worse than the one that is shipped" >&2
        exit 1
    }
done
