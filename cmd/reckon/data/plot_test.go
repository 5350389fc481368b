package data

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/reckon-bench/reckon/workloads/data/trace"
)

// The map's cells cover all of the file, each in the colour of what is most in it.
func TestMapCoversTheFile(t *testing.T) {
	const length = mapRows * mapColumns * 1000
	origin := func(path string) trace.Origin { return trace.Origin{Path: path, Last: 2} }
	all := []trace.Found{
		{Off: 0, Len: length / 4, Kind: trace.Zeros},
		{Off: length / 4, Len: length / 4, Kind: trace.Generated, Origin: origin("a<b>&c")},
		{Off: length / 2, Len: length / 4, Kind: trace.Unknown},
		{Off: 3 * length / 4, Len: length / 4, Kind: trace.Generated, Origin: origin("other")},
	}
	to := filepath.Join(t.TempDir(), "map.svg")
	if err := writePlot(to, "file", length, all, []string{"."}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	area, text := map[string]int{}, ""
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.CharData:
			text += string(x) + "\n"
		case xml.StartElement:
			a := map[string]string{}
			for _, attr := range x.Attr {
				a[attr.Name.Local] = attr.Value
			}
			if width, err := strconv.Atoi(a["width"]); err == nil && x.Name.Local == "rect" && a["height"] == strconv.Itoa(cellSize) {
				area[a["fill"]] += width / cellSize
			}
		}
	}
	quarter := mapRows * mapColumns / 4
	for color, want := range map[string]int{"#dddddd": quarter, "#222222": quarter, colors[1]: quarter, colors[3]: quarter} {
		if area[color] != want {
			t.Errorf("%s has %d cells, want %d: %v", color, area[color], want, area)
		}
	}
	if !strings.Contains(text, "a<b>&c, generation 2") || !strings.Contains(text, "no known origin") {
		t.Errorf("no key to the colours: %s", text)
	}
}
