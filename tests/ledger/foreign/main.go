// A verifier of another make reads a folder that we published: signed note, checkpoint, tiles, bundles and proofs by
// golang.org/x/mod/sumdb, which the Go project wrote for its own log. Ours is only what C2SP changed since: a tile's
// path without its height, entry bundles, and three lines in a checkpoint.
//
//	foreign VKEY DIR [PROOF...]    PROOF: files in the format tlog-proof, whose leaves must be in the folder's history
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height, width = 8, 256

func main() {
	if err := verify(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func verify(vkey, dir string, proofs []string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := checkpoint(raw, verifier)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, folder(dir))
	if err := leaves(dir, tree.N, hashes); err != nil {
		return err
	}
	for _, path := range proofs {
		if err := proof(path, tree, hashes, verifier); err != nil {
			return fmt.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	fmt.Printf("%d leaves and %d proofs under %x\n", tree.N, len(proofs), tree.Hash[:])
	return nil
}

// checkpoint opens a signed note of origin, size and root.
func checkpoint(raw []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(raw, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is not one of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// leaves checks each entry against its hash, which the reader has verified up to the root.
func leaves(dir string, size int64, reader tlog.HashReader) error {
	for first := int64(0); first < size; first += width {
		many := min(width, size-first)
		entries, err := bundle(dir, tlog.Tile{H: height, L: -1, N: first / width, W: int(many)})
		if err != nil {
			return err
		}
		indexes := make([]int64, many)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		known, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i := range known {
			if tlog.RecordHash(entries[i]) != known[i] {
				return fmt.Errorf("leaf %d is not the one in the tree", first+int64(i))
			}
		}
	}
	return nil
}

func bundle(dir string, tile tlog.Tile) ([][]byte, error) {
	raw, err := os.ReadFile(filepath.Join(dir, path(tile)))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(raw) > 0 {
		if len(raw) < 2 || len(raw)-2 < int(binary.BigEndian.Uint16(raw)) {
			return nil, fmt.Errorf("an entry bundle ends within an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(raw))
		entries, raw = append(entries, raw[2:end]), raw[end:]
	}
	if len(entries) != tile.W {
		return nil, fmt.Errorf("an entry bundle has %d entries and should have %d", len(entries), tile.W)
	}
	return entries, nil
}

// proof checks a receipt's proof under its own checkpoint, and that checkpoint against the folder's.
func proof(file string, tree tlog.Tree, reader tlog.HashReader, verifier note.Verifier) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, signed, _ := strings.Cut(string(raw), "\n\n")
	lines := strings.Split(head, "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("this is no proof")
	}
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var hashes tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		hashes = append(hashes, hash)
	}
	then, err := checkpoint([]byte(signed), verifier)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(hashes, then.N, then.Hash, index, tlog.RecordHash(entry)); err != nil {
		return err
	}
	made, err := tlog.ProveTree(tree.N, then.N, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(made, tree.N, tree.Hash, then.N, then.Hash)
}

// folder gives tiles to the reader, which verifies each before it uses it.
type folder string

func (folder) Height() int { return height }

func (dir folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		raw, err := os.ReadFile(filepath.Join(string(dir), path(tile)))
		if err != nil {
			return nil, err
		}
		found = append(found, raw)
	}
	return found, nil
}

func (folder) SaveTiles([]tlog.Tile, [][]byte) {}

// path is the tile's name as C2SP has it: without the height, which is always 8, and with bundles as `entries`.
func path(tile tlog.Tile) string {
	name := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
	return strings.Replace(name, "tile/data/", "tile/entries/", 1)
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
