package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight   = 8
	tileWidth    = 1 << tileHeight
	fileBytesMax = tileWidth * (2 + 65535) // the largest entry bundle that the format allows
)

// errMissing is what a source answers for a file that is not there.
var errMissing = errors.New("not found")

// A source gives the bytes of a file of the log by its path below the log's folder or URL.
type source struct {
	read func(path string) ([]byte, error)
}

func newSource(place, tokenFile string) (source, error) {
	if !strings.HasPrefix(place, "http://") && !strings.HasPrefix(place, "https://") {
		return source{func(path string) ([]byte, error) { return readFile(filepath.Join(place, path)) }}, nil
	}
	header := http.Header{}
	if tokenFile != "" {
		token, err := os.ReadFile(tokenFile)
		if err != nil {
			return source{}, err
		}
		header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	client := &http.Client{Timeout: 30 * time.Second}
	base := strings.TrimSuffix(place, "/")
	return source{func(path string) ([]byte, error) { return get(client, base+"/"+path, header) }}, nil
}

func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, errMissing)
	}
	return data, err
}

func get(client *http.Client, url string, header http.Header) ([]byte, error) {
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return nil, err
	}
	request.Header = header
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", url, errMissing)
	default:
		return nil, fmt.Errorf("%s: status %s", url, response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, fileBytesMax+1))
	if err == nil && len(data) > fileBytesMax {
		return nil, fmt.Errorf("%s: more than %d bytes", url, fileBytesMax)
	}
	return data, err
}

// readTile reads a tile of hashes, cut to the width that is asked for: a partial tile may be gone once the full
// one is there.
func (s source) readTile(tile tlog.Tile) ([]byte, error) {
	data, err := s.readPartial(tilePath(tile), tile.W)
	if err != nil {
		return nil, err
	}
	want := tile.W * tlog.HashSize
	if len(data) != want && len(data) != tileWidth*tlog.HashSize {
		return nil, fmt.Errorf("%s: %d bytes, wanted %d", tilePath(tile), len(data), want)
	}
	return data[:want], nil
}

// readPartial reads a file that may be partial, or the full one when the partial one is missing.
func (s source) readPartial(path string, width int) ([]byte, error) {
	data, err := s.read(path)
	if full, _, partial := strings.Cut(path, ".p/"); partial && errors.Is(err, errMissing) && width < tileWidth {
		if data, fullErr := s.read(full); fullErr == nil {
			return data, nil
		}
	}
	return data, err
}

// tilePath is tile/<L>/<N>[.p/<W>]: what x/mod calls tile/8/<L>/<N>, without the height.
func tilePath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

// entriesPath is tile/entries/<N>[.p/<W>]. x/mod's name for level -1 is "data".
func entriesPath(number int64, width int) string {
	path := tlog.Tile{H: tileHeight, L: -1, N: number, W: width}.Path()
	return strings.Replace(path, "tile/8/data/", "tile/entries/", 1)
}
