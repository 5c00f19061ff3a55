using Postern.Cli;

namespace Postern.Dashboard;

/// <summary>What a peer said, as pages show it.</summary>
static class PeerText
{
    const int CharactersMax = 1024;

    /// <summary>Without characters that move or hide text, and cut with an ellipsis.</summary>
    public static string Shown(string? text) => text is null ? ""
        : Output.Clean(text.Length > CharactersMax ? text[..CharactersMax] + "…" : text);
}
