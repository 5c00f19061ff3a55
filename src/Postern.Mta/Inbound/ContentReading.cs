using Postern.Smtp;

namespace Postern.Mta.Inbound;

static class ContentReading
{
    /// <summary>Hands over every segment in order.</summary>
    public static async ValueTask ForEachAsync(
        this ContentSource content, Action<ReadOnlyMemory<byte>> take, CancellationToken cancel)
    {
        var reader = content.OpenReader();
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancel).ConfigureAwait(false);
                foreach (var segment in read.Buffer)
                    take(segment);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    return;
            }
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }
}
