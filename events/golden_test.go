package events_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
)

var update = flag.Bool("update", false, "write the golden files of facts that have none; those that are there stay")

// goldenSealer stands for the vault: its seal is legible and the same at every
// run, and opens only with the right uid and associated data.
type goldenSealer struct{}

func (goldenSealer) Seal(uid events.UID, plain, aad []byte) ([]byte, error) {
	return fmt.Appendf(nil, "sealed for %s with %q: %s", uid, aad, plain), nil
}

func (goldenSealer) Open(uid events.UID, sealed, aad []byte) ([]byte, error) {
	plain, ok := strings.CutPrefix(string(sealed), fmt.Sprintf("sealed for %s with %q: ", uid, aad))
	if !ok {
		return nil, fmt.Errorf("sealed for somebody or something else")
	}
	return []byte(plain), nil
}

// TestGolden holds every fact of the catalogue against its stored form. The
// files are the log's promise: what was written once is decoded for ever. A
// golden that no longer fits means a new version and an upcaster, never a new
// golden.
func TestGolden(t *testing.T) {
	for _, typ := range catalogue(t) {
		t.Run(typ.Name(), func(t *testing.T) { testGolden(t, typ) })
	}
}

func testGolden(t *testing.T, typ events.Type) {
	e := goldenEvent(t, typ)
	file := filepath.Join("testdata", string(typ)+".json")
	stored, err := os.ReadFile(file)
	if os.IsNotExist(err) && *update {
		if stored, err = events.Encode(e, goldenSealer{}); err == nil {
			stored = append(stored, '\n')
			err = os.WriteFile(file, stored, 0o644)
		}
	}
	if err != nil {
		t.Fatalf("%v (go test ./events -run TestGolden -update writes those that are missing)", err)
	}

	got, err := events.Decode(stored, goldenSealer{})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, e) {
		t.Errorf("decoded to\n%+v %+v\nnot\n%+v %+v", got, got.Fact, e, e.Fact)
	}
	if got.Fact.Type() != typ {
		return // an older version, lifted on read: it is never written again
	}
	again, err := events.Encode(e, goldenSealer{})
	if err != nil {
		t.Fatal(err)
	}
	if string(again)+"\n" != string(stored) {
		t.Errorf("encoded to\n%s\nnot\n%s", again, stored)
	}
	testNothingPersonalIsPlain(t, e, again)
}

// testNothingPersonalIsPlain looks for what the sealed part holds in the rest
// of the stored form.
func testNothingPersonalIsPlain(t *testing.T, e events.Event, stored []byte) {
	t.Helper()
	personal := e.Fact.Personal()
	if personal == nil {
		return
	}
	plain := string(stored)
	if from := strings.Index(plain, `"sealed":"`); from >= 0 {
		from += len(`"sealed":"`)
		to := from + strings.Index(plain[from:], `"`)
		sealed, err := base64.StdEncoding.DecodeString(plain[from:to])
		if err != nil || !strings.Contains(string(sealed), "Sealed ") && !strings.Contains(string(sealed), "4200") {
			t.Errorf("the sealed part holds %q (%v)", sealed, err)
		}
		plain = plain[:from] + plain[to:]
	} else {
		t.Errorf("%s has a personal part, and nothing is sealed", e.Fact.Type())
	}
	for _, mark := range []string{"Sealed ", "4200"} {
		if strings.Contains(plain, mark) {
			t.Errorf("personal data in plain text: %s", plain)
		}
	}
}

func TestCatalogueNamesItsFacts(t *testing.T) {
	all := catalogue(t)
	for _, typ := range all {
		fact, ok := events.New(typ)
		if !ok || fact.Type() != typ {
			t.Errorf("New(%s) is a %T", typ, fact)
		}
		if !slices.Contains(events.Streams(), typ.Stream()) || !strings.HasSuffix(string(typ), ".v1") {
			t.Errorf("%s is in no stream, or of no version", typ)
		}
		if personal := fact.Personal(); personal != nil && reflect.TypeOf(personal).Kind() != reflect.Pointer {
			t.Errorf("%s: Personal is a %T, into which nothing can be decoded", typ, personal)
		}
	}
	if _, ok := events.New("natsgram.auth.never_heard_of.v1"); ok {
		t.Error("a fact nobody knows")
	}
	files, err := filepath.Glob("testdata/natsgram.*.json")
	if err != nil || len(files) != len(all) {
		t.Errorf("%d golden files for %d facts (%v)", len(files), len(all), err)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range all {
		if !strings.Contains(string(doc), "//\t"+typ.Name()+" ") {
			t.Errorf("doc.go does not tell of %s", typ.Name())
		}
	}
}

// TestEveryFactIsInTheCatalogue finds the types of this package that name a
// wire type, so that none can be stored that is not decoded.
func TestEveryFactIsInTheCatalogue(t *testing.T) {
	var written []events.Type
	for _, text := range stringsIn(t, ".", func(name string) bool { return name != "catalogue.go" }) {
		if strings.HasPrefix(text, "natsgram.") && strings.Count(text, ".") == 3 {
			written = append(written, events.Type(text))
		}
	}
	slices.Sort(written)
	known := catalogue(t)
	slices.Sort(known)
	if !slices.Equal(written, known) {
		t.Errorf("types in the source:\n%v\nin the catalogue:\n%v", written, known)
	}
}

// catalogue reads the wire names out of the source, so that a new one can't be
// forgotten here.
func catalogue(t *testing.T) []events.Type {
	t.Helper()
	var types []events.Type
	for _, text := range stringsIn(t, ".", func(name string) bool { return name == "catalogue.go" }) {
		types = append(types, events.Type(text))
	}
	if len(types) < 30 {
		t.Fatalf("the catalogue has %d facts", len(types))
	}
	return types
}

func stringsIn(t *testing.T, dir string, wanted func(string) bool) []string {
	t.Helper()
	found := map[string]bool{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || !wanted(name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					found[text] = true
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

// goldenEvent is an event of the type with every field filled.
func goldenEvent(t *testing.T, typ events.Type) events.Event {
	t.Helper()
	fact, ok := events.New(typ)
	if !ok {
		t.Fatalf("no fact %s", typ)
	}
	fill(t, reflect.ValueOf(fact).Elem(), "")
	return events.Event{
		ID:        "0192f3c4-0000-7000-8000-000000000001",
		Aggregate: events.Aggregate{Stream: typ.Stream(), UID: "11111111-1111-4111-8111-111111111111"},
		Time:      time.Date(2026, 11, 1, 12, 0, 0, 5e6, time.UTC), Actor: events.ByUser,
		Correlation: "22222222-2222-4222-8222-222222222222", Causation: "0192f3c4-0000-7000-8000-000000000000",
		Origin: "$origin", Fact: fact,
	}
}

// fill puts a value that tells its field into every field. What is sealed is
// marked, to be found if it leaks.
func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	sealed := strings.HasPrefix(name, "Sealed")
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.ToLower(name))
		if sealed {
			v.SetString(name)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
		if sealed {
			v.SetInt(4200)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), name)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 1, 12, 10, 0, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			if sealed || field == "Sealed" {
				field = strings.TrimSpace(name + " " + field)
			}
			fill(t, v.Field(i), field)
		}
	default:
		t.Fatalf("%s: no sample of a %s: add one", name, v.Kind())
	}
}
