namespace Postern.Mta.Queue;

/// <summary>Mail that shares its turns: of one route, account and sender.</summary>
/// <param name="Route">Null: whatever the route.</param>
readonly record struct Flow(string? Route, string? Account, string LocalPart, string Domain)
{
    /// <remarks>What stands behind a plus is left out: a list that sends each copy from an address of its own
    /// (VERP) is one flow.</remarks>
    public static Flow Of(QueuedMessage message, string? route)
    {
        if (message.Sender.Mailbox is not { } mailbox)
            return new Flow(route, message.Client.Account, "", "");
        var local = mailbox.LocalPart;
        var plus = local.IndexOf('+', StringComparison.Ordinal);
        return new Flow(
            route, message.Client.Account, plus > 0 ? local[..plus] : local, mailbox.Domain);
    }
}
