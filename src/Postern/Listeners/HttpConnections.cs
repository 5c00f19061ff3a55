using Microsoft.AspNetCore.Connections;

namespace Postern.Listeners;

/// <summary>Keeps the connections of all http listeners within the file descriptors kept for them.</summary>
sealed class HttpConnections
{
    /// <summary>DESIGN §9.4.</summary>
    public const int Max = 64;

    int open;

    /// <summary>Passes a connection on while there is room, else closes it at once.</summary>
    public async Task PassAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        try
        {
            if (Interlocked.Increment(ref open) <= Max)
                await next(connection);
            else
                connection.Abort();
        }
        finally
        {
            Interlocked.Decrement(ref open);
        }
    }
}
