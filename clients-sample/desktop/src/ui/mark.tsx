// The sign of Hum: a sound that spreads.
export function Mark({ size = 28 }: { size?: number }) {
    return (
        <svg class="mark" width={size} height={size} viewBox="0 0 64 64" aria-hidden="true" focusable="false">
            <rect width="64" height="64" rx="18" />
            <path d="M18 24v16M27 16v32M37 22v20M46 28v8" />
        </svg>
    );
}
