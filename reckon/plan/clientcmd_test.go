package plan

import (
	"strings"
	"testing"
)

func TestClientCmd(t *testing.T) {
	if err := validClientCmd("client {target}"); err == nil || !strings.Contains(err.Error(), `did you mean "{targets}"?`) {
		t.Errorf("%v", err)
	}
	if got := FillClientCmd("c {targets} {id}", []string{"http://10.1.0.1:2379", "http://10.1.0.2:2379"}, 1); got != "c http://10.1.0.1:2379,http://10.1.0.2:2379 1" {
		t.Error(got)
	}
}
