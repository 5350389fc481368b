package exit_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/reckon-bench/reckon/cmd/reckon/exit"
)

func TestCode(t *testing.T) {
	plain := errors.New("plain")
	for _, c := range []struct {
		err    error
		status int
		unsaid bool
	}{
		{nil, 0, false},
		{plain, 2, true},
		{exit.Status(4), 4, false},
		{fmt.Errorf("run: %w", exit.Status(1)), 1, false},
		{exit.Harness(plain), 3, true},
		{fmt.Errorf("run: %w", exit.Harness(plain)), 3, true},
		{exit.Usage(plain), 64, true},
		{exit.Harness(nil), 0, false},
		{exit.Harness(exit.Status(1)), 1, false}, // everything has been said
	} {
		if status, unsaid := exit.Code(c.err); status != c.status || unsaid != c.unsaid {
			t.Errorf("%v: status %d, unsaid %t; want %d, %t", c.err, status, unsaid, c.status, c.unsaid)
		}
	}
	if err := exit.Usage(plain); !errors.Is(err, plain) || err.Error() != "plain" {
		t.Errorf("the error itself is lost: %v", err)
	}
}
