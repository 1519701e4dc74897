import {svelte} from '@sveltejs/vite-plugin-svelte';
import {defineConfig} from 'vite';

// Where `npm run dev` finds the API: the HTTP port of an assay-server.
const server = process.env.ASSAY_HTTP ?? 'http://127.0.0.1:7071';

export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: {target: 'es2022', outDir: process.env.ASSAY_WEB_OUT ?? 'dist'},
  server: {
    // The server takes requests of its own page only, so they have to look like that.
    proxy: {'/assay.v1.': {target: server, changeOrigin: true, headers: {origin: server}}},
  },
});
